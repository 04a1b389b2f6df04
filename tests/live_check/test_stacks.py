from live_check.stacks import Names, is_base, new_base


def test_names_are_valid_and_unique() -> None:
    first, second = (Names(base=new_base(), account="111122223333", partition="aws-us-gov") for _ in range(2))
    assert first != second
    assert is_base(first.base)
    assert max(map(len, (first.bucket, first.push_role, first.measuring_role))) <= 63
    assert first.role_arn("x") == "arn:aws-us-gov:iam::111122223333:role/x"
