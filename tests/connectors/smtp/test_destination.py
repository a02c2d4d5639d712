"""A mail server's own traps, by real SMTP; the rest is in tests/contracts."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from rapport.connectors.smtp.destination import Smtp
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.destination import Audience, Destination
from rapport_sandbox.recorder import Recorder

PAGE = "https://example.com/unsubscribe?c={customer_id}"
MESSAGE = {"subject": "Hello {first_name}", "body": "You have {score}. {unsubscribe}"}


@pytest.fixture
def smtp(tool: Callable[..., Destination]) -> Destination:
    return tool(
        "smtp",
        **{"from": "Example <hello@example.com>", "unsubscribe": PAGE, "messages": {"*": MESSAGE}},
    )


def mails(twins: Recorder) -> list[dict[str, Any]]:
    return [body for _, body in twins.shelf("smtp").list("mails")]


def test_a_mail_says_who_sends_and_how_to_unsubscribe_by_one_click(
    smtp: Destination, twins: Recorder, make: Any
) -> None:
    assert smtp.upsert(make.batch(make.person(1)))[0].accepted
    [mail] = mails(twins)
    link = "https://example.com/unsubscribe?c=customer_1"
    assert mail["envelope_from"] == "hello@example.com"
    assert mail["envelope_to"] == mail["headers"]["To"] == "p1@example.com"
    assert mail["headers"]["From"] == "Example <hello@example.com>"
    assert mail["headers"]["Subject"] == "Hello Person"
    assert mail["headers"]["List-Unsubscribe"] == f"<{link}>"
    assert mail["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["texts"]["text/plain"].strip() == f"You have 1. {link}"


def test_a_name_in_any_script_arrives_as_it_is_and_ends_no_header(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    html = {**MESSAGE, "html": "<p>{first_name}</p>"}
    opened = tool(
        "smtp",
        **{"from": "Пример <hello@example.com>", "return_path": "bounces@example.com",
           "reply_to": "desk@example.com", "unsubscribe": "mailto:stop@example.com",
           "messages": {"*": html}},
    )  # fmt: skip
    person = make.person(1, full_name="Анна<b>\r\nBcc:x@example.com Берг")
    assert opened.upsert(make.batch(person))[0].accepted
    [mail] = mails(twins)
    assert mail["envelope_from"] == "bounces@example.com"
    assert mail["headers"]["From"] == "Пример <hello@example.com>"
    assert mail["headers"]["Reply-To"] == "desk@example.com"
    assert mail["headers"]["Subject"] == "Hello Анна<b> Bcc:x@example.com"
    assert mail["headers"]["List-Unsubscribe"] == "<mailto:stop@example.com>"
    assert "List-Unsubscribe-Post" not in mail["headers"]
    assert "Анна&lt;b&gt;" in mail["texts"]["text/html"]


def test_a_batch_that_comes_again_has_the_same_message_id_and_another_entry_a_new_one(
    smtp: Destination, twins: Recorder, make: Any
) -> None:
    for id in ("batch_1", "batch_1", "batch_2"):
        smtp.upsert(make.batch(make.person(1), id=id))
    ids = [mail["headers"]["Message-ID"] for mail in mails(twins)]
    assert len(ids) == 3
    assert ids[0] == ids[1] != ids[2]
    assert smtp.batch_size == 1


def test_who_is_on_the_list_gets_no_second_mail(
    smtp: Destination, twins: Recorder, make: Any
) -> None:
    assert smtp.upsert(make.batch(make.person(1, is_listed=True)))[0].accepted
    assert smtp.remove(make.batch(make.person(1)))[0].accepted
    assert mails(twins) == []


def test_a_refusal_of_one_mailbox_is_a_result_that_quotes_nobody(
    smtp: Destination, twins: Recorder, make: Any
) -> None:
    twins.shelf("smtp").put("unknown", "p1@example.com", {})
    people = make.people(1, 2)
    people += [make.person(3, email="two words@b.c@"), make.person(4, traits={}),
               make.person(5, email=None), make.person(6, email="имя@example.com")]  # fmt: skip
    results = [smtp.upsert(make.batch(person))[0] for person in people]
    assert [result.error for result in results] == [
        "550 5.1.1",
        None,
        "no address",
        "the text needs a trait that this person has not",
        "no address",
        None,
    ]
    assert len(mails(twins)) == 2


def test_a_server_that_is_busy_is_tried_again_with_growing_pauses(
    twins: Recorder, make: Any
) -> None:
    waits: list[float] = []
    smtp = opened(twins, waits)
    twins.fault("smtp", "503", times=2)
    assert smtp.upsert(make.batch(make.person(1)))[0].accepted
    assert [wait for wait in waits if wait >= 1] == [1.0, 5.0]
    twins.fault("smtp", "503", times=100)
    with pytest.raises(RetryLater, match="451 on DATA, 4 attempts"):
        smtp.upsert(make.batch(make.person(2)))
    smtp.close()


def test_a_login_that_is_refused_gives_up_and_is_not_repeated_to_anyone(
    twins: Recorder, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    smtp = opened(twins, password="wr0ng-canary")
    with pytest.raises(GiveUp, match="535 on AUTH") as caught:
        smtp.upsert(make.batch(make.person(1)))
    assert "canary" not in str(caught.value) + caplog.text
    assert mails(twins) == []


def test_a_line_that_cannot_be_encrypted_is_not_used(twins: Recorder, make: Any) -> None:
    smtp = opened(twins, extra={})
    with pytest.raises(GiveUp, match="no encrypted line"):
        smtp.upsert(make.batch(make.person(1)))
    assert mails(twins) == []


def test_a_line_that_breaks_before_the_answer_is_tried_again_under_the_same_id(
    twins: Recorder, make: Any, cut_off: "CutOff"
) -> None:
    right = twins.connection("smtp")
    cut_off.towards((right.host, int(right.port or 0)))
    smtp = opened(twins, host="127.0.0.1", port=cut_off.port)
    assert smtp.upsert(make.batch(make.person(1)))[0].accepted
    ids = [mail["headers"]["Message-ID"] for mail in mails(twins)]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    smtp.close()


def test_options_are_refused_before_anything_is_sent(tool: Callable[..., Destination]) -> None:
    sender = {"from": "hello@example.com"}
    with pytest.raises(ConfigError, match=r"smtp\.from: write who sends"):
        tool("smtp")
    for wrong in ("nobody", "a b@", "@example.com"):
        with pytest.raises(ConfigError, match=r"smtp\.from"):
            tool("smtp", **{"from": wrong})
    with pytest.raises(ConfigError, match=r"smtp\.unsubscribe: an https"):
        tool("smtp", **sender, unsubscribe="http://example.com")
    reminders = Audience("readers", "Readers", "email", "service")
    news = replace(reminders, purpose="marketing")
    silent = tool("smtp", **sender, messages={"readers": MESSAGE})
    silent.prepare(reminders)
    with pytest.raises(ConfigError, match="people must be able to unsubscribe"):
        silent.prepare(news)
    with pytest.raises(ConfigError, match=r"messages\.others: write subject and body"):
        silent.prepare(replace(reminders, key="others"))


def opened(twins: Recorder, waits: list[float] | None = None, **changed: Any) -> Smtp:
    options = {"from": "hello@example.com", "unsubscribe": PAGE, "messages": {"*": MESSAGE}}
    connection = replace(twins.connection("smtp"), **changed)
    return Smtp(options, connection, sleep=[].append if waits is None else waits.append)


class CutOff:
    """A line to a server that ends once, when the answer to a mail comes."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.is_cut = False

    def towards(self, address: tuple[str, int]) -> None:
        threading.Thread(target=self._serve, args=(address,), daemon=True).start()

    def _serve(self, address: tuple[str, int]) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client, socket.create_connection(address) as server:
                back = threading.Thread(target=self._back, args=(server, client), daemon=True)
                back.start()
                while data := _read(client):
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                back.join(10)

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        is_mail = False
        while data := _read(server):
            if is_mail and not self.is_cut:
                self.is_cut = True
                client.shutdown(socket.SHUT_RDWR)
                return
            is_mail = data.startswith(b"354")
            client.sendall(data)


def _read(side: socket.socket) -> bytes:
    try:
        return side.recv(65536)
    except OSError:
        return b""


@pytest.fixture
def cut_off() -> Iterator[CutOff]:
    made = CutOff()
    yield made
    made.listener.close()
