import pytest

from sandbox.sam_on_loopback import on_loopback

ASKED: dict[str, object] = {
    "ports": {"8080": ("127.0.0.1", 5123)},
    "entrypoint": ["/var/rapid/aws-lambda-rie", "--log-level", "error"],
    "mem_limit": "512m",
}


def test_the_emulator_listens_where_docker_would_publish_it() -> None:
    asked = on_loopback(ASKED)
    assert asked["network_mode"] == "host"
    assert "ports" not in asked
    assert asked["mem_limit"] == "512m"
    entrypoint = asked["entrypoint"]
    assert isinstance(entrypoint, list)
    assert entrypoint == [
        "/var/rapid/aws-lambda-rie",
        "--log-level",
        "error",
        "--runtime-interface-emulator-address",
        "127.0.0.1:5123",
        "--runtime-api-address",
        "127.0.0.1:15123",
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"command": ["sh"]},
        # A container in which something is built, and one without the emulator.
        {"ports": {"9999": ("127.0.0.1", 1)}, "entrypoint": ["sh"]},
        {"ports": {"8080": ("127.0.0.1", 1)}},
    ],
)
def test_other_containers_are_not_touched(asked: dict[str, object]) -> None:
    assert on_loopback(asked) == asked
