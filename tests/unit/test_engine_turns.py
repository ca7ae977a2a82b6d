"""The writers of a store take their turns."""

from __future__ import annotations

import threading

from connector.store.engine import Turns


def test_whoever_waits_longest_is_next_and_nobody_is_inside_with_another() -> None:
    turns, order, arrived = Turns(), list[int](), list[threading.Event]()
    inside = 0

    def work(number: int) -> None:
        nonlocal inside
        arrived[number].set()
        with turns, turns:  # and again by who has it
            inside += 1
            assert inside == 1
            order.append(number)
            inside -= 1

    with turns:
        threads = []
        for number in range(8):
            arrived.append(threading.Event())
            threads.append(threading.Thread(target=work, args=(number,)))
            threads[-1].start()
            arrived[number].wait()
            while len(turns._waiting) <= number:
                pass
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    with turns:
        assert turns._waiting == turns._waiting.__class__()
