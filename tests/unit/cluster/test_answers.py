"""`Answer` and `run`: coroutines that go on when an answer comes."""

from __future__ import annotations

import pytest

from gdpeer.cluster.answers import Answer, run


def test_a_callback_gets_the_answer_when_it_comes() -> None:
    answer: Answer[int] = Answer()
    got: list[int] = []
    answer.then(lambda done: got.append(done.result()))
    assert not answer.is_done
    answer.give(5)
    answer.then(lambda done: got.append(done.result() + 1))
    assert (answer.is_done, got) == (True, [5, 6])


def test_only_the_first_result_counts() -> None:
    answer: Answer[int] = Answer()
    answer.give(1)
    answer.give(2)
    answer.fail(ValueError("late"))
    assert answer.result() == 1


def test_a_result_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="not there yet"):
        Answer[int]().result()


def test_a_coroutine_goes_on_with_each_answer() -> None:
    first: Answer[int] = Answer()
    second: Answer[int] = Answer()

    async def steps() -> int:
        return await first + await second

    whole = run(steps())
    second.give(20)  # in any order
    assert not whole.is_done
    first.give(1)
    assert whole.result() == 21


def test_a_problem_is_raised_where_the_answer_is_awaited() -> None:
    answer: Answer[int] = Answer()

    async def steps() -> str:
        try:
            await answer
        except ValueError as problem:
            return str(problem)
        return ""

    whole = run(steps())
    answer.fail(ValueError("no"))
    assert whole.result() == "no"


def test_an_exception_of_the_coroutine_is_its_result() -> None:
    async def steps() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run(steps()).result()
