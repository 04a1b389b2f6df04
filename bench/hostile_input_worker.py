"""The process in which the costliest requests and documents are searched and timed: a job is on its input.

What is timed is this process's processor time, which has nothing of the fakes of AWS in another one.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final

from bench.hostile import Found, Grammar, costliest
from bench.hostile_grammars import TWICE, Document, Put, documents, policies, requests
from bench.processes import Job, answer_job
from bench.request import request_of
from bench.sampling import medians, seconds_in_turns
from sandbox.front_door import LambdaContext
from sandbox.gateway_events import make_event
from sandbox.loopback import Request
from sandbox.runtime import load_handler
from sandbox.service import HANDLER

TOGETHER: Final = "query, user agent and body in one request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How long to search, and from where."""

    candidates: int
    seed: int

    def costliest(self, grammar: Grammar, call_of: Callable[[str], Callable[[], object]]) -> Found:
        """Return the costliest text that `grammar` makes, where `call_of` returns what is to be timed for a text."""
        return costliest(grammar, lambda text: _seconds(call_of(text)), candidates=self.candidates, seed=self.seed)


def _seconds(call: Callable[[], object]) -> float:
    """Return the processor time of `call`, the less of two: a collection of garbage is no one's cost."""
    spent = []
    for _ in range(2):
        started = time.process_time()
        call()
        spent.append(time.process_time() - started)
    return min(spent)


def costs(job: Job) -> Mapping[str, float]:
    """Search each kind, then return the cost of the costliest of each, timed in turns with an honest exchange."""
    search = Search(candidates=job["candidates"], seed=job["seed"])
    calls: dict[str, Callable[[], object]] = {"exchange": request_of(job["token"], HTTPStatus.OK)}
    calls["exchange"]()
    calls |= _requests(search, issuer=job["issuer"], audience=job["audience"], key_id=job["key_id"])
    calls |= _documents(search)
    return medians(seconds_in_turns(calls, rounds=job["rounds"], clock=time.process_time))


def _requests(search: Search, *, issuer: str, audience: str, key_id: str) -> dict[str, Callable[[], object]]:
    kinds = requests(issuer=issuer, audience=audience, key_id=key_id)
    found: dict[str, Put] = {}
    for name, kind in kinds.items():
        found[name] = kind.request(search.costliest(kind.grammar, _handling(kind.request)).text)
    found[TOGETHER] = _together(found)
    return {name: _handled(put) for name, put in found.items()}


def _together(found: Mapping[str, Put]) -> Put:
    """Return the costliest query, user agent and body in one request, where the first two share the gateway's quota."""
    with_body = [put for name, put in found.items() if put.body and name != "content type"]
    dear = max(with_body, key=lambda put: _seconds(_handled(put)))
    query, agent = found["query"].query, dict(found["user agent"].headers)["user-agent"]
    return replace(
        dear, query=query[: len(query) // 2], headers=(*dear.headers, ("user-agent", agent[: len(agent) // 2]))
    )


def _handling(request: Callable[[str], Put]) -> Callable[[str], Callable[[], object]]:
    return lambda text: _handled(request(text))


def _handled(put: Put) -> Callable[[], object]:
    """Return a request to the handler, whatever it answers."""
    request = Request(method="POST", target=f"/v1/token?{put.query}", headers=put.headers, body=put.body)
    event = make_event(
        request, domain="exchange.example", request_id="bench", trace_id="Root=1-0-0", now_seconds=time.time()
    )
    context = LambdaContext(aws_request_id=str(uuid.uuid4()), ends_at_monotonic=time.monotonic() + 3600)
    return partial(load_handler(HANDLER), event, context)


def _documents(search: Search) -> dict[str, Callable[[], object]]:
    calls: dict[str, Callable[[], object]] = {}
    for name, kind in documents().items():
        calls[name] = partial(kind.read, _costliest_document(search, kind).text)
    # They take tens of milliseconds each, honest or not.
    fewer = replace(search, candidates=max(10, search.candidates // 4))
    for name, kind in policies().items():
        found = _costliest_document(fewer, kind)
        twice = replace(kind.grammar, limit=2 * kind.grammar.limit)
        calls[name] = partial(kind.read, found.text)
        calls[f"{name}{TWICE}"] = partial(kind.read, found.candidate.spelled(twice))
    return calls


def _costliest_document(search: Search, kind: Document) -> Found:
    return search.costliest(kind.grammar, lambda text: partial(kind.read, text))


if __name__ == "__main__":
    answer_job(costs)
