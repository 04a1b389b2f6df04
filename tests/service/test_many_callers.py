"""Many requests at once: each gets their own login, made with their own session and no other."""

from concurrent.futures import ThreadPoolExecutor

from tests.service.front import Answer, Front


def test_credentials_of_one_caller_never_serve_another(front: Front) -> None:
    ids = [str(71_000_000 + number) for number in range(40)]
    tokens = {id_: front.token(repository=f"acme/app-{id_}", repository_id=id_) for id_ in ids}

    def exchange(id_: str) -> tuple[str, Answer]:
        return id_, front.send(tokens[id_])

    with ThreadPoolExecutor(max_workers=16) as threads:
        answers = list(threads.map(exchange, ids * 3))
    for id_, answer in answers:
        assert answer.status == 200
        for entry in answer.texts("registries"):
            login = front.backends.aws.registry.login(str(entry["password"]))
            assert login is not None
            assert login.session.tags["repository_id"] == id_
            assert login.session.policy is not None
            if entry["name"] == "apps":
                assert f"repository/ci/acme/app-{id_}" in login.session.policy.text
                assert login.region == "eu-west-1"
            else:
                assert login.region == "us-east-1"
    # The service's own key signs for STS alone, and ECR never sees it.
    service_key = front.backends.environment()["AWS_ACCESS_KEY_ID"]
    for seen in front.backends.aws.requests():
        assert (seen.access_key_id == service_key) == (not seen.operation.startswith("ecr:"))
        assert seen.error is None
    # Never fewer; a call that a busy machine kept waiting is made again.
    assert len(front.backends.aws.requests()) >= len(answers) * 4
