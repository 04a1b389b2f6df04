"""AWS STS, asked by a role for a token about itself, signed with RS256 or, which no other system has, with ES384.

Source: IAM User Guide, "Understanding token claims".
"""

from typing import Final

from sandbox.providers.shape import Claims, Entry, Provider, Shown, sample_of

_STS: Final = "https://sts.amazonaws.com/"

_WITHIN: Final = sample_of("aws-sts").within(_STS)


def _derive(_claims: Claims, _issuer: str) -> Claims:
    return {}


PROVIDER: Final = Provider(
    name="aws-sts",
    fixed_issuer="https://7e21d9c4-58b0-4f3a-9a6d-e1c07b35f842.tokens.sts.global.api.aws",
    issuer_path="/aws-sts",
    keys_path="/.well-known/jwks.json",
    algorithm="ES384",
    other_algorithms=("RS256",),
    lifetime_seconds=300,
    not_before_seconds=None,
    scenarios={
        "codebuild": {},
        "function": {
            "sub": "arn:aws:iam::777788889999:role/nightly",
            _STS: {
                **_WITHIN,
                "lambda_source_function_arn": "arn:aws:lambda:eu-west-1:777788889999:function:nightly",
            },
        },
        # The caller writes these, whatever they claim.
        "request-tags": {_STS: {**_WITHIN, "request_tags": {"aws_account": "111122223333", "build": "images:7"}}},
        "other-account": {
            "sub": "arn:aws:iam::666655554444:role/codebuild/shop-images",
            _STS: {**_WITHIN, "aws_account": "666655554444"},
        },
    },
    derive=_derive,
    entry=Entry(
        name="aws",
        keys="""\
issuer: $issuer
organizations: [{id: "777788889999"}]
""",
        grant="""\
match: {actor_id: "arn:aws:iam::777788889999:role/codebuild/shop-images"}
repositories: [aws/shop]
""",
    ),
    shown=Shown(
        granted="codebuild",
        claims=("sub",),
        pushes=("aws/shop",),
        refused="function",
        reason="no-matching-grant",
    ),
)
