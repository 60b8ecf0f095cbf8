"""The site's configuration file, read once into one frozen object."""
