from typing import override

import pytest

from tests.fake_issuer import FakeIssuer, FakeNetwork
from tests.issuer_keys.key_story import Story
from token_exchange.core.keys import UnusableKeySet
from token_exchange.core.refusals import Reason, Refused
from token_exchange.core.trust import Published
from token_exchange.issuer_keys.origins import FetchFailed


class TestInMemory:
    def test_a_set_is_fetched_once_and_used_for_ten_minutes(self) -> None:
        story = Story()
        key = story.find()
        story.clock.advance(600)
        assert story.find() is key
        assert story.fetches == 1
        assert story.events.refreshes == [("ci", 1)]

    def test_pinned_keys_cause_no_fetch(self) -> None:
        story = Story()
        trust = story.issuer.pinned_trust()
        found = story.look(trust=trust)
        assert found.is_latest
        with pytest.raises(Refused) as refused:
            story.find("key-9", trust=trust)
        assert refused.value.reason is Reason.UNKNOWN_KEY
        assert story.store.find_rotated_key(trust, found, key_id="key-0", deadline=story.deadline()) is None
        assert story.fetches == 0

    def test_entries_of_one_origin_share_a_set(self) -> None:
        story = Story()
        other = story.issuer.trust(entry="other", audiences=("x",), keys=Published(jwks_url=story.issuer.jwks_url))
        story.find()
        story.find(trust=other)
        assert story.fetches == 1

    def test_entries_that_trust_other_certificates_share_nothing(self) -> None:
        story = Story()
        story.find()
        story.find(trust=story.issuer.trust())
        assert story.fetches == 3

    def test_left_out_keys_are_reported(self) -> None:
        story = Story()
        story.issuer.published.append({"kty": "oct"})
        story.find()
        assert story.events.left_out == [("ci", "keys[1]: a symmetric key")]

    def test_a_token_without_a_key_id(self) -> None:
        story = Story()
        assert story.find(None).key_id == "key-0"
        story.issuer.rotate(keep_old=True)
        story.clock.advance(601)
        assert story.refusal(None).reason is Reason.UNKNOWN_KEY


class TestRenewal:
    def test_the_request_that_finds_a_set_old_renews_it(self) -> None:
        story = Story()
        story.find()
        story.issuer.rotate()
        story.clock.advance(601)
        assert story.find("key-1").key_id
        assert story.fetches == 2
        assert story.events.stale == []

    def test_a_set_is_as_old_as_the_beginning_of_its_fetch(self) -> None:
        class SlowIssuer(FakeIssuer):
            @override
            def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
                story.clock.advance(2)
                return super().fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)

        story = Story(SlowIssuer())
        story.find()
        story.clock.advance(599)
        story.find()
        assert story.fetches == 2

    def test_a_withdrawn_key_stops_working_with_the_renewal(self) -> None:
        story = Story()
        story.find()
        story.issuer.rotate()
        story.clock.advance(601)
        assert story.refusal("key-0").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 2, "a set that was fetched for this request is not fetched again"

    def test_an_old_set_serves_while_the_issuer_fails(self) -> None:
        story = Story()
        key = story.find()
        story.issuer.fail()
        story.clock.advance(601)
        assert story.find() is key
        assert story.find() is key
        assert story.fetches == 2, "no try within the pause"
        assert story.events.stale == [("ci", 601), ("ci", 601)]
        assert [type(cause) for _, cause in story.events.failures] == [FetchFailed]

    def test_an_old_set_serves_for_a_day_and_no_longer(self) -> None:
        story = Story()
        story.find()
        story.issuer.fail()
        story.clock.advance(86_400)
        assert story.find().key_id
        story.clock.advance(1)
        refused = story.refusal()
        assert refused.reason is Reason.ISSUER_UNAVAILABLE

    def test_the_issuer_recovers(self) -> None:
        story = Story()
        story.find()
        story.issuer.fail()
        story.clock.advance(601)
        story.find()
        story.issuer.recover()
        story.clock.advance(1)
        story.find()
        assert story.fetches == 3
        assert len(story.events.stale) == 1

    @pytest.mark.parametrize(
        "answer",
        [b"<html>maintenance</html>", b"", b'{"keys":[]}', b'{"keys":[{"kty":"oct"}]}', b"\xff\xfe", b"[" * 9999],
    )
    def test_an_unusable_set_never_replaces_a_good_one(self, answer: bytes) -> None:
        story = Story()
        key = story.find()
        story.issuer.documents[story.issuer.jwks_url] = answer or b" "
        story.clock.advance(601)
        assert story.find() is key
        assert [type(cause) for _, cause in story.events.failures] == [UnusableKeySet]

    @pytest.mark.parametrize(
        "trouble", [FetchFailed("x"), OSError("x"), RuntimeError("x"), ValueError("x"), KeyError()]
    )
    def test_whatever_a_fetch_raises_the_set_stays(self, trouble: Exception) -> None:
        story = Story()
        key = story.find()
        story.issuer.documents[story.issuer.jwks_url] = trouble
        story.clock.advance(601)
        assert story.find() is key
        assert story.events.failures == [("ci", trouble)]

    def test_a_stopped_thread_does_not_ground_the_issuer(self) -> None:
        class StoppedIssuer(FakeIssuer):
            stopped = False

            @override
            def fetch(self, url: str, *, ca_bundle: str | None, timeout_seconds: float, max_bytes: int) -> bytes:
                if not self.stopped:
                    self.stopped = True
                    raise KeyboardInterrupt
                return super().fetch(url, ca_bundle=ca_bundle, timeout_seconds=timeout_seconds, max_bytes=max_bytes)

        story = Story(StoppedIssuer())
        with pytest.raises(KeyboardInterrupt):
            story.find()
        story.clock.advance(1)
        assert story.find().key_id

    def test_a_fetch_has_three_seconds_or_the_remaining_time(self) -> None:
        story = Story()
        story.find()
        story.clock.advance(601)
        story.find(seconds=1.5)
        assert story.issuer.timeouts_seconds == [3, 1.5]

    def test_no_time_left_is_not_a_failure_of_the_issuer(self) -> None:
        story = Story()
        refused = story.refusal(seconds=0)
        assert refused.reason is Reason.DEADLINE_EXCEEDED
        assert story.fetches == 0
        assert story.find().key_id
        story.clock.advance(601)
        assert story.find(seconds=0).key_id, "served from the old set"
        assert story.refusal("key-9", seconds=0).reason is Reason.DEADLINE_EXCEEDED
        assert story.events.failures == []


class TestFailingIssuer:
    def test_requests_in_the_pause_are_answered_at_once_with_503(self) -> None:
        story = Story()
        story.issuer.fail()
        fetches, waits = [], []
        for _ in range(8):
            refused = story.refusal()
            assert refused.reason is Reason.ISSUER_UNAVAILABLE
            assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE
            fetches.append(story.fetches)
            assert refused.retry_after_seconds is not None
            waits.append(refused.retry_after_seconds)
            story.clock.advance(refused.retry_after_seconds)
        assert fetches == [1, 2, 3, 4, 5, 6, 7, 8], "one each"
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]

    def test_a_lying_discovery_document_counts_as_a_failure(self) -> None:
        story = Story()
        story.trust = story.issuer.trust()
        story.issuer.documents[story.issuer.discovery_url] = story.issuer.discovery(issuer="https://evil.example")
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE
        assert story.issuer.fetched == [story.issuer.discovery_url]

    def test_an_unknown_key_is_503_until_a_fetch_succeeds(self) -> None:
        story = Story()
        story.find()
        story.issuer.fail()
        refused = story.refusal("key-1")
        assert refused.reason is Reason.ISSUER_UNAVAILABLE
        assert refused.retry_after_seconds == 30
        story.clock.advance(4.5)
        refused = story.refusal("key-1")
        assert refused.reason is Reason.ISSUER_UNAVAILABLE
        assert refused.retry_after_seconds == 26, "rounded up"
        assert story.fetches == 2, "a failure counts for the cooldown"
        assert story.find().key_id, "known keys are served all the time"

    def test_one_failing_issuer_is_not_anothers_trouble(self) -> None:
        broken, sound = FakeIssuer("https://broken.example"), FakeIssuer("https://sound.example")
        broken.fail()
        story = Story(broken, FakeNetwork(broken, sound))
        assert story.refusal().reason is Reason.ISSUER_UNAVAILABLE
        assert story.find(trust=sound.trust()).key_id


class TestUnknownKey:
    def test_a_rotation_is_noticed_at_once(self) -> None:
        story = Story()
        story.find()
        story.issuer.rotate(keep_old=True)
        found = story.look("key-1")
        assert (found.key.key_id, found.is_latest) == ("key-1", True)
        assert story.find("key-0").key_id == "key-0"
        assert story.fetches == 2

    def test_invented_keys_cost_one_fetch_in_thirty_seconds(self) -> None:
        story = Story()
        story.find()
        for number in range(100):
            assert story.refusal(f"invented-{number}").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 2
        story.clock.advance(29)
        assert story.refusal("invented").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 2
        story.clock.advance(1)
        assert story.refusal("invented").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 3

    def test_an_invented_key_in_a_cold_environment_costs_one_fetch(self) -> None:
        story = Story()
        assert story.refusal("invented").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 1

    def test_a_key_of_another_algorithm_is_unknown(self) -> None:
        story = Story()
        trust = story.issuer.trust(algorithms=("RS256", "PS256"))
        with pytest.raises(Refused) as refused:
            story.store.find(trust, key_id="key-0", algorithm="PS256", deadline=story.deadline())
        assert refused.value.reason is Reason.UNKNOWN_KEY

    def test_the_text_quotes_the_id_safely(self) -> None:
        description = Story().refusal("\n" * 250).description
        assert "\n" not in description
        assert len(description) < 400


class TestReplacedKey:
    def test_a_key_changed_under_its_id_is_found(self) -> None:
        story = Story()
        story.find()
        found = story.look()
        story.issuer.rotate(key_id="key-0")
        replacement = story.replace(found)
        assert replacement is not None
        assert replacement.public_key == story.issuer.signing_key.private.public_key()
        assert story.fetches == 2

    def test_bad_signatures_cost_one_fetch_in_thirty_seconds(self) -> None:
        story = Story()
        story.find()
        for _ in range(10):
            assert story.replace(story.look()) is None
        assert story.fetches == 2
        assert story.refusal("invented").reason is Reason.UNKNOWN_KEY
        assert story.fetches == 2, "and the cooldown is one with that of unknown keys"

    def test_a_set_fetched_for_this_request_is_not_fetched_again(self) -> None:
        story = Story()
        assert story.replace(story.look()) is None
        assert story.fetches == 1

    def test_a_withdrawn_key_has_no_replacement(self) -> None:
        story = Story()
        story.find()
        found = story.look()
        story.issuer.rotate(key_id="key-1")
        assert story.replace(found) is None

    def test_another_thread_may_have_fetched_meanwhile(self) -> None:
        story = Story()
        story.find()
        found = story.look()
        story.issuer.rotate(key_id="key-0")
        story.clock.advance(601)
        fetched_meanwhile = story.find()
        assert story.replace(found) is fetched_meanwhile
        assert story.fetches == 2

    def test_with_a_failing_issuer_the_cached_key_decides(self) -> None:
        story = Story()
        story.find()
        story.issuer.fail()
        assert story.replace(story.look()) is None
