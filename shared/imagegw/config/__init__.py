"""The site's configuration file, read once into one frozen object."""

from imagegw.config.access import Token
from imagegw.config.load import load, parse
from imagegw.config.locations import Location, base_url, find_location
from imagegw.config.platforms import Platform
from imagegw.config.secret_files import Login, read_login, read_secret_keys
from imagegw.config.site import Settings
from imagegw.domain.reference import is_docker_hub
from imagegw.errors import ConfigurationInvalid, Problem

__all__ = [
    "ConfigurationInvalid",
    "Location",
    "Login",
    "Platform",
    "Problem",
    "Settings",
    "Token",
    "base_url",
    "find_location",
    "is_docker_hub",
    "load",
    "parse",
    "read_login",
    "read_secret_keys",
]
