"""`pumpwatch backtest`: what a policy would have raised on stored history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.commands.progress import how_far
from services.commands.terminal import DatabaseUrl, fail, json_of, say, say_lines, with_database

if TYPE_CHECKING:
    from schemas.policy import Policy
    from services.alerts.backtest.run import Backtest
    from services.runtime.database import Connection


def backtest(
    database_url: DatabaseUrl,
    policy: Annotated[Path, typer.Option(help="The policy file to try; its clinic's pumps are replayed.")],
    since: Annotated[str, typer.Option(help="From so long ago, such as 30d, or from a date.")] = "30d",
    against: Annotated[Path | None, typer.Option(help="Another policy file, to see the difference.")] = None,
    every_pump: Annotated[bool, typer.Option("--every-pump", help="Of all clinics, not only the policy's.")] = False,
    as_json: Annotated[bool, json_of("policy", "alerts", "against", "difference")] = False,
) -> None:
    """Replay stored history, as it arrived, under a policy: alerts by rule and week, and who is paged. Only reads.

    A page counts where it would have gone out at once: not the later steps, because nobody answers in a replay.
    """
    from schemas.policy_file import PolicyError, load_policy
    from services.admin.ages import parse_since
    from services.alerts.backtest.run import as_json as in_json
    from services.alerts.backtest.run import as_lines
    from services.alerts.backtest.run import backtest as replay_all

    now = datetime.now(UTC)
    try:
        begin = parse_since(since, now)
        tried, other = load_policy(policy), load_policy(against) if against else None
    except PolicyError as error:
        fail(*str(error).split("\n"))
    except ValueError as error:
        fail(f"--since: {error}", exit_code=2)

    async def work(connection: Connection) -> tuple[Backtest, Backtest | None]:
        async def run(each: Policy, of: str) -> Backtest:
            clinic_id, hourly = None if every_pump else tried.clinic_id, timedelta(hours=1)
            return await replay_all(
                connection,
                each,
                begin,
                now,
                clinic_id=clinic_id,
                sweep=hourly,
                tell=lambda done, pumps: how_far(done, pumps, f"pumps{of}"),
            )

        if other is None:
            return await run(tried, ""), None
        return await run(tried, ", first policy"), await run(other, ", second policy")

    first, second = with_database(database_url, work)
    if as_json:
        say_lines(in_json(first, second))
        return
    for line in as_lines(first, second):
        say(line)
