"""``python -m connector.cli`` is the same as ``creditgate``."""

from connector.cli import main

main()
