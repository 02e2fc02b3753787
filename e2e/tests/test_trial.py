"""The judge of a trial with faults, without a cluster."""

import http.client
from unittest.mock import Mock

import pytest
from support.api import ApiError
from support.trial import Trial


@pytest.mark.parametrize("trouble", [ApiError(503, {"message": "no leader"}), ConnectionRefusedError("refused"),
                                     http.client.IncompleteRead(b"")])
def test_an_api_server_that_does_not_answer_yet_is_no_verdict(trouble):
    trial, namespace = Trial(Mock(), Mock(), Mock(), Mock()), Mock()
    trial.create(namespace, "box")
    namespace.sandboxes.side_effect = trouble
    with pytest.raises(AssertionError, match="not within 0 s. Last seen: the API server: "):
        trial.settle(within=0)
