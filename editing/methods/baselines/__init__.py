"""Earlier methods on the same machinery, one small file each, to compare with."""
