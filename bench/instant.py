"""An exchange against an AWS that costs next to nothing: what is left is this service and boto3."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import yaml

from bench.environment import child_environment
from bench.figures import Figure, Part
from bench.processes import ask_worker
from bench.sampling import ratio
from sandbox.account import REGION
from sandbox.backends import Backends

_REGISTRIES: Final = 10
_WAIT_SECONDS: Final = 0.05

type _Samples = Mapping[str, Mapping[str, list[float]]]


def measure(folder: Path, *, rounds: int) -> tuple[Part, Part]:
    """Return an exchange against its bare calls, and ten logins against one."""
    with Backends(folder) as backends:
        policy = _policy(backends, folder)
        exchange = _samples(backends, policy, seconds=0, rounds=rounds, bare=True)
        several = _samples(backends, policy, seconds=_WAIT_SECONDS, rounds=max(2, rounds // 10), bare=False)
    return _exchange(exchange, rounds), _several(several)


def _exchange(samples: _Samples, rounds: int) -> Part:
    processor, wall = samples["processor"], samples["wall"]
    return Part(
        title="A warm exchange, and an AWS that answers at once",
        method=(
            "As above, but STS and ECR are a program that sends the same bytes for every call, so that only the client "
            "is timed: this service with its audit line, metrics and deadline, and the two bare calls of boto3 with "
            "the same parameters. The same duties in the usual way are these two calls in a thread, PyJWT's check of "
            "the token, the same audit line by Powertools' Logger, and four metrics by its Metrics, without a policy. "
            f"{rounds} samples each, interleaved; the median of each round's ratio."
        ),
        figures=(
            Figure(
                name="warm exchange / bare calls, processor time",
                value=ratio(processor["one"], processor["bare"]), unit="times", aim=1.2, limit=1.4,
            ),
            Figure(
                name="the same, by the least times",
                value=min(processor["one"]) / min(processor["bare"]), unit="times", aim=1.2, limit=1.4,
            ),
            Figure(
                name="warm exchange / bare calls, wall clock",
                value=ratio(wall["one"], wall["bare"]), unit="times", aim=1.2, limit=1.4,
            ),
            Figure(
                name="the same duties in the usual way / bare calls, processor time",
                value=ratio(processor["usual"], processor["bare"]), unit="times",
            ),
            Figure(
                name="the same duties in the usual way / bare calls, wall clock",
                value=ratio(wall["usual"], wall["bare"]), unit="times",
            ),
            Figure(name="warm exchange, processor time", value=median(processor["one"]) * 1e3, unit="ms"),
            Figure(name="bare calls, processor time", value=median(processor["bare"]) * 1e3, unit="ms"),
        ),
    )  # fmt: skip


def _several(samples: _Samples) -> Part:
    one, all_of_them = median(samples["wall"]["one"]), median(samples["wall"]["all"])
    return Part(
        title="Several registries",
        method=(
            f"One request for {_REGISTRIES} logins, compared with a request for one login; each call to AWS takes "
            f"{_WAIT_SECONDS * 1000:.0f} ms. Wall clock, medians of interleaved samples."
        ),
        figures=(
            Figure(name=f"{_REGISTRIES} logins / one login", value=all_of_them / one, unit="times", aim=1.6, limit=2.5),
            Figure(name=f"{_REGISTRIES} logins", value=all_of_them * 1e3, unit="ms"),
            Figure(name="one login", value=one * 1e3, unit="ms"),
        ),
    )


def _policy(backends: Backends, folder: Path) -> Path:
    """Write the sandbox's policy with ten registries, each with a grant for the same run, as JSON."""
    document = yaml.safe_load(backends.policy_path.read_text())
    accounts = {f"registry-{number}": f"{111122220000 + number}" for number in range(_REGISTRIES)}
    document["issuers"] = {"github": document["issuers"]["github"]}
    document.pop("deny")
    document["registries"] = {
        name: {"type": "ecr", "account": account, "region": REGION} for name, account in accounts.items()
    }
    document["grants"] = [
        {
            "name": name,
            "issuers": ["github"],
            "match": {"repository": "acme/shop"},
            "registry": name,
            "role": f"arn:aws:iam::{account}:role/ci-ecr-push",
            "access": "push",
            "repositories": ["ci/{repository}", f"{name}/*"],
        }
        for name, account in accounts.items()
    ]
    path = (folder / "ten-registries.json").resolve()
    path.write_text(json.dumps(document))
    return path


def _samples(backends: Backends, policy: Path, *, seconds: float, rounds: int, bare: bool) -> _Samples:
    job = {
        "token": backends.issuer.mint("github-actions", audience=backends.audience),
        "keys_url": backends.issuer.tokens.keys_url("github-actions"),
        "rounds": rounds,
        "bare": bare,
    }
    with _instant_aws(seconds) as url:
        environment = {
            **{name: value for name, value in child_environment(backends).items() if "ENDPOINT_URL" not in name},
            "AWS_ENDPOINT_URL": url,
            "SSL_CERT_FILE": str(backends.issuer.ca_bundle),
            "TOKEN_EXCHANGE_POLICY": f"file:{policy}",
            "TOKEN_EXCHANGE_STATE_TABLE": "",
            "TOKEN_EXCHANGE_BRAKE_TABLE": "",
        }
        found: _Samples = ask_worker("bench.instant_worker", job, environment)
    return found


@contextmanager
def _instant_aws(seconds: float) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.instant_aws", str(seconds)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()
