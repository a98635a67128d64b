"""The diffusion model and what walks through it: networks, schedules, attention, inversion."""
