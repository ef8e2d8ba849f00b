"""PURE. What a receiver's answer to a message means for trying again (HL7 v2.6, chapter 2, sections 2.9 and 2.14).

The first field of MSA says it (table 0008), in the original mode and in the enhanced one that PCD-04 asks for:

| MSA-1  | the receiver                     | means                               |
| ------ | -------------------------------- | ----------------------------------- |
| AA, CA | has it                           | sent                                |
| AE, CE | had an error                     | tried again                         |
| AR, CR | refuses it                       | never tried again; the next channel |
| other  | cannot be understood             | tried again                         |

MSA-2 repeats the control id of the message that is answered: an answer to another message is none to ours. Why not, a
receiver says in ERR-8 (for people), ERR-7 or MSA-3.

Guarantee: never raises; what a receiver says is repeated in at most 200 characters on one line.
"""

from __future__ import annotations

import re
from typing import Final

from services.alerts.delivery.hl7.encode import unescape
from services.alerts.delivery.send_outcome import SendOutcome, SendResult

LONGEST_REASON: Final = 200
_SENT: Final = frozenset({"AA", "CA"})
_ERROR: Final = frozenset({"AE", "CE"})
_REFUSED: Final = frozenset({"AR", "CR"})
_SEGMENT_END: Final = re.compile("[\r\n]+")
_NOT_UNDERSTOOD: Final = SendOutcome(SendResult.RETRY, "the receiver's answer is no HL7 acknowledgement")
_UNSHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def outcome_of_answer(answer: str, control_id: str) -> SendOutcome | None:
    """What an answer means; None: it answers another message than ours, and ours may still be answered.

    Args:
        answer: What the receiver sent, without its frame.
        control_id: MSH-10 of our message.
    """
    segments = _SEGMENT_END.split(answer)
    head = segments[0]
    if not head.startswith("MSH") or len(head) <= len("MSH|"):
        return _NOT_UNDERSTOOD
    delimiter = head[3]
    by_name = {each.partition(delimiter)[0]: each.split(delimiter) for each in reversed(segments)}
    msa = by_name.get("MSA", [])
    code, answered = _at(msa, 1), _at(msa, 2)
    if code not in _SENT | _ERROR | _REFUSED:
        return _NOT_UNDERSTOOD
    if unescape(answered) != control_id:
        return None
    if code in _SENT:
        return SendOutcome(SendResult.SENT)
    why = _why(msa, by_name.get("ERR", []))
    if code in _ERROR:
        return SendOutcome(SendResult.RETRY, f"the receiver had an error ({code}){why}")
    return SendOutcome(SendResult.PERMANENT, f"the receiver refused the message ({code}){why}")


def _why(msa: list[str], err: list[str]) -> str:
    said = (_shown(each) for each in (_at(err, 8), _at(err, 7), _at(msa, 3), _condition(_at(err, 3))))
    found = next((each for each in said if each), "")
    return f": {found!r}" if found else ""


def _condition(code: str) -> str:
    """ERR-3 is a code (table 0357) with its text behind it."""
    return " ".join(code.split("^")[:2])


def _shown(text: str) -> str:
    said = " ".join(_UNSHOWN.sub(" ", unescape(text)).split())
    return said if len(said) <= LONGEST_REASON else f"{said[: LONGEST_REASON - 3]}..."


def _at(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""
