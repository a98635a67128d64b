"""Limn's installer: machines and steps.

Standard library only, so that it runs before anything is installed.
"""
