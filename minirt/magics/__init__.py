"""What do the magics do? One module for each; `minirt.extension` joins them to IPython."""
