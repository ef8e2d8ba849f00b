"""What policy files that were mistreated cost: `python -m bench.policy_files`.

Each is a policy or a `PolicyError`; anything else ends the run with exit code 1 and the seed that makes it again. The
exit code is 1, too, when one takes a second of CPU, or 100 MB.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections import Counter
from typing import Final

from schemas.policy_file import PolicyError, parse_policy

MOST_SECONDS: Final = 1.0
MOST_BYTES: Final = 100_000_000

GOOD: Final = b"""# The policy of one clinic
clinic_id: north
alarm_priorities: {memory_error: low}
low_reservoir: {level_ml: 2.5, hysteresis_ml: 1}
bolus_demand:
  minimum_attempts: 8
  tail_probability: 0.0002
contacts:
  - name: nurse on call
    channels: [{name: sms, url: "env:NURSE_SMS"}, {name: mail, url: 'mailto://user:secret@example.org'}]
  - name: "Dr \\u00e9"
    channels:
      - {name: phone, url: "json://example.org/"}
    all_channels_at_once: yes
routes:
  high:
    steps:
      - {after_minutes: 0, contacts: [nurse on call]}
      - {after_minutes: 5.0, contacts: [nurse on call, "Dr \\u00e9"]}
    repeat_minutes: 5
paging:
  quiet_hours: {begins: 22:00, ends: "07:00", timezone: Europe/Berlin}
brand_names: {lioresal: baclofen}
"""

PIECES: Final = (
    *(
        b"!!timestamp foo",
        b"!!int ''",
        b"!!bool foo",
        b"!!binary x",
        b"!!python/object:os.system x",
        b"! x",
        b"!<",
        b"!%ff",
    ),
    *(
        b"&a [*a, *a]",
        b"*a",
        b"&a",
        b"<<: {a: 1}",
        b"<<",
        b"? [1]",
        b"? ",
        b"- ",
        b"---\n",
        b"...\n",
        b"%YAML 9.9\n",
        b"%TAG ! x\n",
    ),
    *(
        b"[" * 3000,
        b"{a: " * 500,
        b"- " * 500,
        b"[[],[]]",
        b"]",
        b"}",
        b"|999\n",
        b">-\n",
        b"|\n",
        b"'",
        b'"',
        b"#",
        b"\t",
    ),
    *(
        b'"\\0"',
        b'"\\x07"',
        b'"\\uD800"',
        b'"\\U99999999"',
        b'"\\U00110000"',
        b"\0",
        b"\x07",
        b"\r",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
    ),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xff",
        b"\xed\xa0\x80",
        b"9" * 5000,
        b"0x" + b"f" * 5000,
        b"1" + b":59" * 2000,
        b"0b_",
        b"0o9",
    ),
    *(
        b"1:59:59.5",
        b".nan",
        b"-.inf",
        b"1e999",
        b"1.0e+999",
        b"2026-13-45",
        b"0001-01-01 00:00:00 +99:99",
        b"=",
        b"~",
        b"yes",
        b"null",
    ),
    *(
        b"a,",
        b"a: 1\n",
        b" " * 300,
        b"\n",
        b":",
        b": ",
        b",",
        b"x" * 2000,
        b"../../etc/passwd",
        b"\xe2\x80\xae",
        b"k: {",
    ),
)


def mistreated(seed: int) -> bytes:
    """A policy file after one to eight accidents: cut, doubled, bytes changed, pieces of malice put in."""
    chance = random.Random(seed)
    content = bytearray(GOOD)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at, to = sorted(chance.randint(0, len(content)) for _ in range(2))
        match chance.randrange(6):
            case 0:
                del content[at : min(to, at + 200)]
            case 1:
                content[at:at] = content[at : min(to, at + 400)] * chance.choice((1, 1, 2, 30))
            case 2:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                line = content.find(b"\n", at) + 1
                content[line:line] = content[: chance.randint(0, 200)]
            case _:
                content[at:at] = chance.choice(PIECES) * chance.choice((1, 1, 1, 1, 5, 100))
        del content[256_000:]
    return bytes(content)


def outcome_of(content: bytes) -> str:
    """How a file is taken; raises whatever is no PolicyError."""
    try:
        policy, _ = parse_policy(content, "policy.yaml")
    except PolicyError as error:
        return "not YAML" if "is not valid YAML" in str(error) else "no policy"
    return f"a policy of {len(policy.version)} digits".replace(" of 12 digits", "")


def main() -> int:
    """Read them, and say what came of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--files", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    outcomes: Counter[str] = Counter()
    slowest, largest = (0.0, 0), 0
    outcome_of(GOOD)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(asked.seed, asked.seed + asked.files):
        content = mistreated(seed)
        largest = max(largest, len(content))
        began = time.process_time()
        try:
            outcomes[outcome_of(content)] += 1
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            print(f"seed {seed}: {type(error).__name__}: {error}")
            return 1
        slowest = max(slowest, (time.process_time() - began, seed))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(
        f"{asked.files} files of up to {largest} bytes: "
        + ", ".join(f"{n} {what}" for what, n in sorted(outcomes.items()))
    )
    print(f"the slowest took {slowest[0]:.2f} s of CPU (seed {slowest[1]}); memory grew by {grown / 1e6:.0f} MB in all")
    return int(slowest[0] > MOST_SECONDS or grown > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
