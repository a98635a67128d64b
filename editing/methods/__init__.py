"""The methods: the four papers, a file each, and earlier ones to compare with."""
