"""What became of a bag that was labelled, told from what its segments say of themselves."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

from enet_ros.bags.segments import SegmentedBag
from enet_ros.errors import BagError


class LabelResult(NamedTuple):
    """What a run did.

    frames    how many frames this run answered
    resumed   how many input messages an earlier run had done
    problems  messages that could not be read, and why
    notes     for each camera: what its answers lack, in how many frames, and why
    """

    frames: int
    resumed: int
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


class Account(NamedTuple):
    """What became of one segment of the input.

    notes   (image topic, what its answers lack, in how many frames)
    damage  why the input ends here, or "" where it goes on
    """

    messages: int = 0
    frames: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[tuple[str, str, int], ...] = ()
    damage: str = ""

    def to_text(self) -> str:
        """The account as JSON."""
        return json.dumps(self)

    @classmethod
    def of(cls, text: str) -> Account:
        """The account that `to_text` has written."""
        messages, frames, problems, notes, damage = json.loads(text)
        return cls(messages, frames, tuple(problems), tuple(tuple(note) for note in notes), damage)


def accounts(bag: SegmentedBag) -> dict[int, Account]:
    """What became of the segments that are finished."""
    return {number: Account.of(text) for number, text in bag.finished().items()}


def join(bag: SegmentedBag, count: int | None) -> LabelResult:
    """Put the bag in its place. count: its segments; None: those that there are.

    Raises BagError where one is missing, and where the input is damaged: then the bag goes up to there.
    """
    done = accounts(bag)
    damaged = min((number for number, account in done.items() if account.damage), default=None)
    if damaged is not None:
        count = damaged + 1
    kept = [done[number] for number in range(len(done) if count is None else count) if number in done]
    damage = kept[-1].damage if damaged is not None else ""
    problems = tuple(problem for account in kept for problem in account.problems)
    messages = sum(account.messages for account in kept)
    amiss = [f"the input is damaged after {messages} messages, and labelled up to there"] if damage else []
    amiss += [f"{len(problems)} messages of the input could not be labelled"] if problems else []
    try:
        bag.join(len(done) if count is None else count, "; ".join(amiss))
    except BagError as error:
        raise BagError(f"{damage}; {error}" if damage else str(error)) from error
    if damage:
        raise BagError(f"{damage}; {bag.out} is labelled up to there")
    notes: Counter[tuple[str, str]] = Counter()
    for account in kept:
        notes.update({(topic, note): frames for topic, note, frames in account.notes})
    lacks = (f"{topic}, {frames} frames: {note}" for (topic, note), frames in notes.items())
    return LabelResult(sum(account.frames for account in kept), 0, problems, tuple(lacks))
