"""Krita's part played by arrays, and time by a number.

So the plugin's logic runs in milliseconds. krita.py is what a plugin sees of Krita, with the facts
that were seen in a real one, nodes.py a part of that; image.py holds the pictures, painter.py is
who paints in them; clock.py has Qt's timers wait in it. Qt itself is the real one.
"""
