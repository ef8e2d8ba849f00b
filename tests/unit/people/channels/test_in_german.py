"""What is wrong with a channel is said in German, and in English as before."""

from __future__ import annotations

import pytest

from schemas.parts.languages import Language
from services.alerts.delivery.addresses import fault_of_address
from services.alerts.delivery.persons.push_address import PushAddressError, read_subscription
from services.people.channels.model import MOST_CHANNELS, USUAL_KINDS, fault_of_name, fault_of_url
from services.texts.catalogue import texts_in
from services.texts.phrase import reason_in, said_in

GERMAN = texts_in(Language.GERMAN)
GOOD = '{"endpoint": "https://push.example.org/x", "keys": {"p256dh": "", "auth": ""}}'


@pytest.mark.parametrize(
    ("fault", "english", "german"),
    [
        (
            fault_of_name("a\tb", []),
            "This cannot be the name of a channel: it holds '\\t' at place 2; expected one line without control "
            "characters.",
            "Das kann nicht der Name eines Weges sein: er enthält '\\t' an Stelle 2; erwartet wird eine Zeile ohne "
            "Steuerzeichen.",
        ),
        (
            fault_of_name("", []),
            "Give the channel a name of one line and at most 60 characters, such as 'my phone'.",
            "Geben Sie dem Weg einen Namen aus einer Zeile und höchstens 60 Zeichen, wie 'mein Telefon'.",
        ),
        (
            fault_of_name("mail", ["mail"]),
            "You have a channel of the name mail already: give this one another.",
            "Sie haben schon einen Weg mit dem Namen mail: geben Sie diesem einen anderen.",
        ),
        (
            fault_of_name("new", [str(each) for each in range(MOST_CHANNELS)]),
            "You have 8 channels, which is the most: remove one first.",
            "Sie haben 8 Wege: mehr sind nicht möglich. Entfernen Sie zuerst einen.",
        ),
        (
            fault_of_url("json://x", frozenset({"ntfy", "mailto"})),
            "Addresses of the kind json:// cannot be used here. Expected one of: mailto, ntfy.",
            "Adressen der Art json:// werden hier nicht angenommen. Angenommen werden: mailto, ntfy.",
        ),
        (
            fault_of_url("nothing", USUAL_KINDS),
            "Expected an address on one line that begins with its kind, such as ntfys://ntfy.example.org/topic.",
            "Erwartet wird eine Adresse in einer Zeile, die mit ihrer Art beginnt, zum Beispiel ntfys://ntfy.example.org/topic.",
        ),
    ],
)
def test_what_is_wrong_is_said_in_both(fault: str | None, english: str, german: str) -> None:
    assert fault is not None
    assert (fault, said_in(fault, GERMAN)) == (english, german)


def test_so_is_what_apprise_does_not_understand() -> None:
    fault = fault_of_address("nothing")
    assert fault == "no address that Apprise understands; expected a complete Apprise URL such as 'ntfys://topic'"
    assert said_in(fault, GERMAN) == (
        "keine Adresse, die Apprise versteht; erwartet wird eine vollständige Apprise-URL wie 'ntfys://topic'"
    )


@pytest.mark.parametrize(
    ("text", "english", "german"),
    [
        (
            "[]",
            "expected a subscription of a browser: its endpoint and its two keys",
            "erwartet wird die Anmeldung eines Browsers: seine Adresse und seine zwei Schlüssel",
        ),
        (GOOD, "expected keys of 65 and 16 bytes, in base64url", "erwartet werden Schlüssel von 65 und 16 Bytes"),
    ],
)
def test_so_is_what_is_wrong_with_what_a_browser_gave(text: str, english: str, german: str) -> None:
    with pytest.raises(PushAddressError) as caught:
        read_subscription(text, ("push.example.org",))
    assert str(caught.value) == english
    assert reason_in(caught.value, GERMAN).startswith(german)
