"""The forms of the answers that a first policy needs.

Answers become part of YAML and of a shell script; none of these forms has a character that needs an escape there.
"""

import re
from typing import Final

from token_exchange_cli.values import Form

_UUID_PATTERN: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

UUID: Final = Form(_UUID_PATTERN, "a UUID in lower case, such as 84b1f7e2-60c9-4d35-9a1e-2f7c05d8b463")
NUMBER: Final = Form(re.compile(r"[1-9][0-9]{0,29}"), "a number, such as 7001, not a name")
NAME: Final = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"), "a name of letters, digits and ._-, without a path or URL"
)
PATH: Final = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*"),
    "a name or a path of names, such as acme or acme/payments, without a URL",
)
LABEL: Final = Form(
    re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"), "the first part of a host name: lower-case letters, digits and -"
)
REPOSITORY: Final = Form(
    re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"),
    "OWNER/NAME, such as acme/shop, without a host",
)
HOST: Final = Form(
    # With a dot: the question is easily taken for one about the organization's name.
    re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?"),
    "a host name in lower case, such as ci.example.com, without https://",
)
ISSUER: Final = Form(
    re.compile(r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?(?:/[A-Za-z0-9._~/-]*)?"),
    "the issuer's exact URL, https://HOST/PATH",
)
JOB_URL: Final = Form(
    re.compile(r"https://[a-z0-9][a-z0-9.:-]*/job/[A-Za-z0-9._~/%-]+/"), "the job's whole URL, https://HOST/job/NAME/"
)
ROLE: Final = Form(
    re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+"),
    "arn:aws:iam::ACCOUNT:role/NAME, with its path",
)
HEX_24: Final = Form(re.compile(r"[0-9a-f]{24}"), "24 hexadecimal digits, such as 64d2f8b10c3e5a7961b4e0d8")
SLUG_16: Final = Form(re.compile(r"[0-9a-f]{16}"), "16 hexadecimal digits, as in the page's URL")
HARNESS_ACCOUNT: Final = Form(re.compile(r"[A-Za-z0-9_-]{22}"), "the 22 characters of an account's identifier")
IDENTIFIER: Final = Form(re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), "an identifier of letters, digits and _")
TERRAFORM_ORGANIZATION: Final = Form(re.compile(r"org-[A-Za-z0-9]{16}"), "org- and 16 letters and digits")
TERRAFORM_WORKSPACE: Final = Form(re.compile(r"ws-[A-Za-z0-9]{16}"), "ws- and 16 letters and digits")
