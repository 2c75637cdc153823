"""The IPython kernel on minirt's loop: `python -m minirt.kernel install`."""
