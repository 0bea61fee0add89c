"""The packages of a wheel: qtdog/, and assets/ as its data. Everything else says pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["qtdog", "qtdog.*"]), "qtdog.assets"],
    package_dir={"qtdog.assets": "assets"},
)
