"""The parts of the plugin that know no Krita and no Qt."""
