"""Verbs of several actions, each a module as a verb's: `enet_ros bag create`, `enet_ros dataset check`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from types import ModuleType


def declare(parser: argparse.ArgumentParser, actions: Mapping[str, ModuleType]) -> None:
    """A parser for each action; its module's docstring is its help."""
    choice = parser.add_subparsers(dest="action", required=True, metavar="|".join(actions))
    for name, module in actions.items():
        documentation = module.__doc__ or ""
        action = choice.add_parser(
            name,
            help=documentation.partition("\n")[0],
            description=documentation,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(action)
        action.set_defaults(perform=module.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action; returns the exit code."""
    code: int = args.perform(args)
    return code
