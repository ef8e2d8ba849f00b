-- A person's channels are that person's alone, in the database too (docs/decisions/0041-channels-that-ring.md). All editions.
-- For who serves people: of whoever asks (web.person(), migration 0050), and of nobody else.
CREATE VIEW web.person_channels WITH (security_barrier) AS
SELECT channel_id, person_id, position, name, url, shown, rings, made_at, verified_at, code_digest, code_until, code_tries, last_sent_at,
       failing_since, last_error, proven_at
FROM public.person_channels WHERE person_id = (SELECT web.person()) WITH CHECK OPTION;
CREATE VIEW web.person_hours WITH (security_barrier) AS
SELECT person_id, timezone, quiet_begins, quiet_ends, drill_weekday, drill_at
FROM public.person_hours WHERE person_id = (SELECT web.person()) WITH CHECK OPTION;
CREATE VIEW web.channel_messages WITH (security_barrier) AS
SELECT message_id, channel_id, purpose, episode, about, asked_at, due_at, ended_at, sent_at, answered_at
FROM public.channel_messages
WHERE channel_id IN (SELECT channel_id FROM public.person_channels WHERE person_id = (SELECT web.person())) WITH CHECK OPTION;

-- A drill is answered by its link, by whoever has that: nobody signs in. The name of the channel; null: of no drill that is good.
CREATE FUNCTION drill_asked(digest bytea, sent_since timestamptz) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.name FROM channel_messages m JOIN person_channels c USING (channel_id)
    WHERE m.answer_digest = $1 AND m.sent_at > $2
$$;
CREATE FUNCTION hear_drill(digest bytea, at timestamptz, sent_since timestamptz) RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH heard AS (
        UPDATE channel_messages m SET answered_at = coalesce(m.answered_at, $2)
        WHERE m.answer_digest = $1 AND m.sent_at > $3 RETURNING m.channel_id, m.answered_at)
    UPDATE person_channels c SET proven_at = greatest(c.proven_at, h.answered_at) FROM heard h
    WHERE c.channel_id = h.channel_id RETURNING c.name
$$;
REVOKE ALL ON FUNCTION drill_asked, hear_drill FROM PUBLIC;
