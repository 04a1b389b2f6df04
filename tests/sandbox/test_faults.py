from sandbox.faults import Faults


def test_faults_are_met_in_the_order_in_which_they_were_planned() -> None:
    faults: Faults[str, str] = Faults()
    faults.plan("a", "first", times=2)
    faults.plan("a", "then")
    assert [faults.take("a") for _ in range(4)] == ["first", "first", "then", "then"]
    assert faults.take("b") is None
    faults.clear()
    assert faults.take("a") is None
