"""The diffusion model and all that runs it.

Networks, noise schedules, attention, inversion and masks.
"""
