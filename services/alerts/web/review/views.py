"""The therapy review sheet of a pump: as a page that prints on one sheet of A4, and as a PDF with the same words."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.alerts.web.board.views import render, texts_for, trouble
from services.alerts.web.dependencies import Asking, Borrowed, Held, Running, borrowed_for
from services.alerts.web.inputs import Name
from services.alerts.web.review.period import WORDS, Choice
from services.alerts.web.review.reading import sheet_for

router = APIRouter(include_in_schema=False)


@router.get("/pumps/{pump_id}/review")
async def review_page(
    connection: Borrowed,
    caller: Asking,
    web: Running,
    policies: Held,
    request: Request,
    pump_id: Name,
    period: Choice = Choice.REFILL,
) -> Response:
    """One patient's sheet for a visit."""
    texts = texts_for(request)
    sheet = await sheet_for(connection, caller, web, policies, pump_id, period, texts)
    return render(
        "review/sheet.html",
        request,
        now=web.clock(),
        sheet=sheet,
        chosen=period,
        choices={choice: texts.say(words) for choice, words in WORDS.items()},
        warnings=(),
    )


@router.get("/pumps/{pump_id}/review.pdf")
async def review_paper(
    caller: Asking, web: Running, request: Request, pump_id: Name, period: Choice = Choice.REFILL
) -> Response:
    """The same on paper. No connection is held while it is drawn."""
    from services.alerts.web.review.paper import PaperBusyError, pdf_of  # the library is loaded where it is used

    texts = texts_for(request)
    async with borrowed_for(request) as connection:
        sheet = await sheet_for(connection, caller, web, await web.policies(connection), pump_id, period, texts)
    try:
        content = await pdf_of(sheet)
    except PaperBusyError:
        words = texts.say("Other sheets are being drawn just now. Try again in a moment, or print the page itself.")
        return trouble(request, words, 503, {"Retry-After": "5"})
    headers = {"Content-Disposition": 'attachment; filename="therapy-review.pdf"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)
