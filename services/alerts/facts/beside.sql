-- What is known beside events: when each device was heard, its pauses, what was refused for its date, what people accepted,
-- certificates, refill visits.

-- name: beside_events
-- Of the pumps $1 at $2, from what had been received by $3 (null: everything): one row for each of them.
WITH refused AS (
    SELECT pump_id, array_agg(code) AS codes, array_agg(state) AS states, array_agg(received_at) AS received,
           array_agg(clock_offset_seconds) AS offsets, array_agg(device_id) AS devices, array_agg(seq) AS seqs,
           array_agg(event_id) AS event_ids
    FROM (
        SELECT *, row_number() OVER (PARTITION BY pump_id ORDER BY received_at DESC, event_id DESC) AS position
        FROM refused_alarms
        WHERE pump_id = ANY ($1::text[]) AND received_at > $2::timestamptz - interval '30 days'
          AND received_at <= coalesce($3::timestamptz, 'infinity')) newest
    WHERE position <= 200 GROUP BY pump_id),
device AS (
    SELECT pump_id, array_agg(device_id) AS devices,
           array_agg(CASE WHEN last_seen_at <= coalesce($3::timestamptz, 'infinity') THEN last_seen_at END) AS last_seen,
           array_agg(clock_offset_seconds) AS offsets,
           array_agg(CASE WHEN refused_at <= coalesce($3::timestamptz, 'infinity') THEN refused_at END) AS refused_at,
           array_agg(refused_offset_seconds) AS refused_offsets
    FROM device_contacts WHERE pump_id = ANY ($1::text[]) GROUP BY pump_id),
pause AS (
    SELECT pump_id, array_agg(device_id) AS devices, array_agg(u.paused) AS paused, array_agg(u.resumed) AS resumed
    FROM device_contacts, unnest(paused_at, resumed_at) AS u (paused, resumed)
    WHERE pump_id = ANY ($1::text[]) AND u.resumed <= coalesce($3::timestamptz, 'infinity') GROUP BY pump_id),
-- The level of demand that a person last accepted as the new one: few rows, by an index of their own.
accepted AS (
    SELECT DISTINCT ON (pump_id) pump_id, accepted_at, accepted_since, accepted_per_day FROM alerts
    WHERE pump_id = ANY ($1::text[]) AND accepted_at IS NOT NULL AND accepted_at <= $2
    ORDER BY pump_id, accepted_at DESC),
-- What was last said of a refill visit in the clinic of now, and of which implantation: not of one that was taken back.
visit AS (
    SELECT DISTINCT ON (pump_id) pump_id, implantation_id, kind, visit_on, begins_at, said_at
    FROM refill_visits v
    WHERE pump_id = ANY ($1::text[]) AND said_at <= coalesce($3::timestamptz, 'infinity')
      AND EXISTS (SELECT FROM implantations i WHERE i.implantation_id = v.implantation_id)
      AND EXISTS (SELECT FROM devices d WHERE d.device_id = v.pump_id AND d.clinic_id = v.clinic_id)
    ORDER BY pump_id, said_at DESC),
-- Of the pump and of its handhelds of now, when the last certificate ends that is not revoked.
certificate AS (
    SELECT pump_id, array_agg(device_id ORDER BY device_id) AS devices, array_agg(ends_at ORDER BY device_id) AS ends
    FROM (SELECT p AS pump_id, p AS device_id FROM unnest($1::text[]) AS p
          UNION ALL SELECT pump_id, handheld_id FROM pairings
          WHERE pump_id = ANY ($1::text[]) AND ended_at IS NULL) c
    CROSS JOIN LATERAL (
        SELECT not_after AS ends_at FROM certificates k
        WHERE k.device_id = c.device_id AND k.revoked_at IS NULL
          AND k.entered_at <= coalesce($3::timestamptz, 'infinity')
        ORDER BY k.not_after DESC LIMIT 1) newest
    GROUP BY pump_id)
SELECT pump_id, accepted.accepted_at, accepted.accepted_since, accepted.accepted_per_day,
       device.devices AS contacts, device.last_seen, device.offsets AS last_seen_offsets, device.refused_at,
       device.refused_offsets, pause.devices AS pause_devices, pause.paused AS paused_at, pause.resumed AS resumed_at,
       refused.codes AS refused_codes, refused.states AS refused_states, refused.received AS refused_received_at,
       refused.offsets AS refused_alarm_offsets, refused.devices AS refused_devices, refused.seqs AS refused_seqs,
       refused.event_ids AS refused_event_ids, certificate.devices AS certified, certificate.ends AS certificates_end,
       visit.implantation_id AS visit_implantation, visit.kind AS visit_kind, visit.visit_on, visit.begins_at AS visit_begins,
       visit.said_at AS visit_said_at
FROM unnest($1::text[]) AS asked (pump_id)
LEFT JOIN refused USING (pump_id)
LEFT JOIN device USING (pump_id)
LEFT JOIN pause USING (pump_id)
LEFT JOIN accepted USING (pump_id)
LEFT JOIN certificate USING (pump_id)
LEFT JOIN visit USING (pump_id);
