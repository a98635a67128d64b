"""The zip through Krita's own importer."""

import os

from krita import Krita


def check_import(result):
    from plugin_importer.plugin_importer import PluginImporter

    asked = []
    importer = PluginImporter(
        os.environ["LIMN_ZIP"],
        Krita.getAppDataLocation(),
        lambda plugin: asked.append(plugin["name"]) or True,
    )
    result["imported"] = [plugin["name"] for plugin in importer.import_all()]
    again = PluginImporter(
        os.environ["LIMN_ZIP"],
        Krita.getAppDataLocation(),
        lambda plugin: asked.append(plugin["name"]) or True,
    )
    result["imported again"] = [plugin["name"] for plugin in again.import_all()]
    result["asked"] = asked
    Krita.instance().writeSetting("python", "enable_limn", "true")
    yield 0.5
