"""The tests of other people's projects, on the standard loop and on minirt's: `make peers`."""
