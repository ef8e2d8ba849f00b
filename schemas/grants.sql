-- The rights of each job's login: what its statements need, and nothing else. Made by `python -m deploy.grants.build`:
-- do not edit. `pumpwatch migrate` gives them to the logins that exist (services/runtime/grants.py).

-- login: pumpwatch_ingest
GRANT INSERT ON bolus_requests TO pumpwatch_ingest;
GRANT SELECT ON bolus_requests TO pumpwatch_ingest;
GRANT INSERT (clinic_id, name) ON clinics TO pumpwatch_ingest;
GRANT INSERT (day, device_id, kept, kept_bytes, not_kept, not_kept_bytes) ON dead_letter_days TO pumpwatch_ingest;
GRANT SELECT (day, device_id, kept, kept_bytes, not_kept, not_kept_bytes) ON dead_letter_days TO pumpwatch_ingest;
GRANT UPDATE (kept, kept_bytes, not_kept, not_kept_bytes) ON dead_letter_days TO pumpwatch_ingest;
GRANT INSERT (detail, device_id, digest, event_id, event_index, first_received_at, last_received_at, payload,
    reason, times_received, topic) ON dead_letters TO pumpwatch_ingest;
GRANT SELECT (detail, digest, event_index, last_received_at, reason, times_received) ON dead_letters TO
    pumpwatch_ingest;
GRANT UPDATE (detail, last_received_at, reason, times_received) ON dead_letters TO pumpwatch_ingest;
GRANT INSERT (clock_offset_seconds, device_id, observed_at, received_at) ON device_last_seen TO pumpwatch_ingest;
GRANT SELECT (clock_offset_seconds, device_id, observed_at, paused_at, received_at, resumed_at) ON device_last_seen
    TO pumpwatch_ingest;
GRANT UPDATE (clock_offset_seconds, observed_at, paused_at, received_at, resumed_at) ON device_last_seen TO
    pumpwatch_ingest;
GRANT INSERT ON device_statuses TO pumpwatch_ingest;
GRANT SELECT ON device_statuses TO pumpwatch_ingest;
GRANT INSERT (clinic_id, device_id, kind) ON devices TO pumpwatch_ingest;
GRANT INSERT (pump_ids, urgent) ON evaluation_queue TO pumpwatch_ingest;
GRANT INSERT (device_id) ON handheld_turns TO pumpwatch_ingest;
GRANT SELECT (device_id) ON handheld_turns TO pumpwatch_ingest;
GRANT UPDATE (device_id) ON handheld_turns TO pumpwatch_ingest;
GRANT DELETE ON late_messages TO pumpwatch_ingest;
GRANT INSERT (correlation_data, events_stored, payload, received_at, response_topic, topic) ON late_messages TO
    pumpwatch_ingest;
GRANT SELECT (correlation_data, events_stored, late_message_id, payload, received_at, response_topic, topic,
    tried_at) ON late_messages TO pumpwatch_ingest;
GRANT UPDATE (events_stored, tried_at) ON late_messages TO pumpwatch_ingest;
GRANT INSERT ON patient_reports TO pumpwatch_ingest;
GRANT SELECT ON patient_reports TO pumpwatch_ingest;
GRANT INSERT ON pump_alarms TO pumpwatch_ingest;
GRANT SELECT ON pump_alarms TO pumpwatch_ingest;
GRANT INSERT ON refills TO pumpwatch_ingest;
GRANT SELECT ON refills TO pumpwatch_ingest;
GRANT INSERT (clock_offset_seconds, code, device_id, event_id, pump_id, received_at, seq, state) ON refused_alarms
    TO pumpwatch_ingest;
GRANT INSERT (clock_offset_seconds, device_id, received_at) ON refused_clocks TO pumpwatch_ingest;
GRANT SELECT (clock_offset_seconds, device_id, received_at) ON refused_clocks TO pumpwatch_ingest;
GRANT UPDATE (clock_offset_seconds, received_at) ON refused_clocks TO pumpwatch_ingest;
GRANT SELECT ON registry TO pumpwatch_ingest;
GRANT INSERT ON reservoir_readings TO pumpwatch_ingest;
GRANT SELECT ON reservoir_readings TO pumpwatch_ingest;
GRANT SELECT (version) ON schema_migrations TO pumpwatch_ingest;
GRANT INSERT ON therapies TO pumpwatch_ingest;
GRANT SELECT ON therapies TO pumpwatch_ingest;
GRANT INSERT (at, beaten_at, service, worker_id) ON worker_heartbeats TO pumpwatch_ingest;
GRANT SELECT (at, beaten_at, worker_id) ON worker_heartbeats TO pumpwatch_ingest;
GRANT UPDATE (at, beaten_at) ON worker_heartbeats TO pumpwatch_ingest;

-- login: pumpwatch_alerts
GRANT SELECT (alert_id, at, clinic_id, clinic_seq, from_state, kind, priority, reason, recorded_at, row_hash,
    to_state) ON alert_transitions TO pumpwatch_alerts;
GRANT INSERT (alert_id, clinic_id, evidence, explanation, implantation_id, key, opened_at, policy_version, priority,
    pump_id, rule, said, since, state, title, updated_at) ON alerts TO pumpwatch_alerts;
GRANT SELECT (acceptance, accepted_at, accepted_by, accepted_by_id, accepted_per_day, accepted_since,
    acknowledged_at, acknowledged_by, acknowledged_by_id, acknowledgement_expires_at, alert_id, calm_since, cleared_at,
    clinic_id, closed_at, evidence, explanation, implantation_id, key, opened_at, policy_version, priority, pump_id,
    resolution, resolved_at, resolved_by, resolved_by_id, rule, said, since, state, title, updated_at) ON alerts TO
    pumpwatch_alerts;
GRANT UPDATE (acknowledged_at, acknowledged_by, acknowledged_by_id, acknowledgement_expires_at, calm_since,
    cleared_at, closed_at, evidence, explanation, policy_version, priority, said, since, state, title, updated_at) ON
    alerts TO pumpwatch_alerts;
GRANT SELECT ON bolus_requests TO pumpwatch_alerts;
GRANT INSERT (body, channel, clinic_id, contact, event_id, key, priority, pump_id, rule, sent_at, step, title) ON
    bypassed_pages TO pumpwatch_alerts;
GRANT SELECT (alert_id, body, channel, clinic_id, contact, event_id, key, priority, pump_id, rule, sent_at,
    settled_at, step, title) ON bypassed_pages TO pumpwatch_alerts;
GRANT UPDATE (alert_id, settled_at) ON bypassed_pages TO pumpwatch_alerts;
GRANT SELECT (device_id, entered_at, not_after, revoked_at) ON certificates TO pumpwatch_alerts;
GRANT DELETE ON channel_messages TO pumpwatch_alerts;
GRANT INSERT (about, asked_at, channel_id, due_at, episode, purpose) ON channel_messages TO pumpwatch_alerts;
GRANT SELECT (about, answered_at, asked_at, attempts, channel_id, claimed_until, due_at, ended_at, episode,
    message_id, purpose) ON channel_messages TO pumpwatch_alerts;
GRANT UPDATE (answer_digest, attempts, claimed_until, due_at, ended_at, error, sent_at) ON channel_messages TO
    pumpwatch_alerts;
GRANT INSERT (changed_at, clinic_id, file, host, policy, version) ON clinic_policies TO pumpwatch_alerts;
GRANT SELECT (changed_at, clinic_id, file, host, policy, version) ON clinic_policies TO pumpwatch_alerts;
GRANT UPDATE (changed_at, file, host, policy, removed_by, version) ON clinic_policies TO pumpwatch_alerts;
GRANT SELECT (clinic_id) ON clinics TO pumpwatch_alerts;
GRANT SELECT ON clinics_with_pumps TO pumpwatch_alerts;
GRANT SELECT (device_id, event_id, last_received_at, reason) ON dead_letters TO pumpwatch_alerts;
GRANT INSERT (alert_id, attempts, body, bypassed, channel, clinic_id, contact, created_at, due_at, episode,
    follow_up, kind, policy_version, priority, repeats, sent_at, state, step, title, together) ON deliveries TO
    pumpwatch_alerts;
GRANT SELECT (alert_id, attempts, body, bypassed, channel, claimed_by, claimed_until, clinic_id, contact,
    created_at, delivery_id, due_at, episode, follow_up, follows, group_id, held_by, kind, last_error, policy_version,
    priority, receipt, receipt_ask_at, receipt_said, receipt_said_at, repeats, sent_at, state, step, title, together) ON
    deliveries TO pumpwatch_alerts;
GRANT UPDATE (attempts, claimed_by, claimed_until, due_at, follows, group_id, held_by, held_silence, last_error,
    receipt, receipt_ask_at, receipt_said, receipt_said_at, sent_at, state, together) ON deliveries TO pumpwatch_alerts;
GRANT SELECT ON device_contacts TO pumpwatch_alerts;
GRANT SELECT ON device_statuses TO pumpwatch_alerts;
GRANT SELECT (clinic_id, device_id, kind, retired_at) ON devices TO pumpwatch_alerts;
GRANT DELETE ON drills TO pumpwatch_alerts;
GRANT INSERT (due_at, planned_at) ON drills TO pumpwatch_alerts;
GRANT SELECT (accepted_at, alert_id, asked_by, begun_at, cleared_at, drill_id, due_at, ended_at, event_id, missed,
    opened_at, paged_at, planned_at, stored_at, telling_until, told_at) ON drills TO pumpwatch_alerts;
GRANT UPDATE (accepted_at, alert_id, begun_at, cleared_at, ended_at, missed, opened_at, paged_at, stored_at,
    telling_until, told_at) ON drills TO pumpwatch_alerts;
GRANT DELETE ON evaluation_queue TO pumpwatch_alerts;
GRANT SELECT (pump_ids, queue_id, queued_at, urgent) ON evaluation_queue TO pumpwatch_alerts;
GRANT UPDATE (pump_ids) ON evaluation_queue TO pumpwatch_alerts;
GRANT SELECT (accepted_at, accepted_name, begins, rota_id) ON hand_overs TO pumpwatch_alerts;
GRANT SELECT (began_at, implantation_id, implanted, patient_ref, pump_id) ON implantations TO pumpwatch_alerts;
GRANT SELECT (ended_at, handheld_id, pump_id) ON pairings TO pumpwatch_alerts;
GRANT SELECT ON patient_reports TO pumpwatch_alerts;
GRANT SELECT (channel_id, failing_since, last_error, last_sent_at, name, person_id, position, proven_at, rings,
    shown, url, verified_at) ON person_channels TO pumpwatch_alerts;
GRANT UPDATE (code_digest, code_tries, code_until, failing_since, last_error, last_sent_at) ON person_channels TO
    pumpwatch_alerts;
GRANT SELECT (drill_at, drill_weekday, person_id, quiet_begins, quiet_ends, timezone) ON person_hours TO
    pumpwatch_alerts;
GRANT SELECT (clinic_id, person_id, role) ON person_roles TO pumpwatch_alerts;
GRANT SELECT (disabled_at, name, person_id, sign_in) ON persons TO pumpwatch_alerts;
GRANT INSERT (at, by, clinic_id, file, host, version, what) ON policy_changes TO pumpwatch_alerts;
GRANT DELETE ON policy_folders TO pumpwatch_alerts;
GRANT INSERT (clinic_id, fault, host, seen_at, since) ON policy_folders TO pumpwatch_alerts;
GRANT SELECT (clinic_id, fault, host, seen_at, since) ON policy_folders TO pumpwatch_alerts;
GRANT UPDATE (fault, seen_at, since) ON policy_folders TO pumpwatch_alerts;
GRANT SELECT (alert_id, clinic_id, due_at, kept_at, made_at, made_name, promise_id, words) ON promises TO
    pumpwatch_alerts;
GRANT SELECT ON pump_alarms TO pumpwatch_alerts;
GRANT DELETE ON pump_evaluations TO pumpwatch_alerts;
GRANT INSERT (evaluated_at, pump_id) ON pump_evaluations TO pumpwatch_alerts;
GRANT SELECT (come_by, come_by_seen_at, due_at, evaluated_at, failures, pump_id) ON pump_evaluations TO
    pumpwatch_alerts;
GRANT UPDATE (come_by, come_by_seen_at, due_at, evaluated_at, failures) ON pump_evaluations TO pumpwatch_alerts;
GRANT SELECT (begins_at, clinic_id, implantation_id, kind, pump_id, said_at, visit_on) ON refill_visits TO
    pumpwatch_alerts;
GRANT SELECT ON refills TO pumpwatch_alerts;
GRANT SELECT (clock_offset_seconds, code, device_id, event_id, pump_id, received_at, seq, state) ON refused_alarms
    TO pumpwatch_alerts;
GRANT SELECT ON registry TO pumpwatch_alerts;
GRANT SELECT ON reservoir_readings TO pumpwatch_alerts;
GRANT SELECT (begins, change_id, ends, instead_of, kind, made_at, made_name, made_with, person_id, rota_id,
    withdrawn_at) ON rota_changes TO pumpwatch_alerts;
GRANT SELECT (layers, made_at, made_by, made_name, rota_id, timezone, version) ON rota_versions TO pumpwatch_alerts;
GRANT SELECT (clinic_id, name, removed_at, rota_id) ON rotas TO pumpwatch_alerts;
GRANT SELECT (version) ON schema_migrations TO pumpwatch_alerts;
GRANT SELECT (begins_at, clinic_id, created_at, created_by, ended_at, ends_at, includes_high, kind, pump_id, reason,
    rule, silence_id) ON silences TO pumpwatch_alerts;
GRANT SELECT ON therapies TO pumpwatch_alerts;
GRANT SELECT (name) ON turns TO pumpwatch_alerts;
GRANT UPDATE (name) ON turns TO pumpwatch_alerts;
GRANT SELECT ON unreached_alerts TO pumpwatch_alerts;
GRANT SELECT ON upkeep TO pumpwatch_alerts;
GRANT SELECT ON watch_status TO pumpwatch_alerts;
GRANT SELECT (attempts, claimed_until, due_at, ended_at, replay_id) ON webhook_replays TO pumpwatch_alerts;
GRANT UPDATE (attempts, claimed_until, due_at, ended_at, stopped) ON webhook_replays TO pumpwatch_alerts;
GRANT SELECT (delivery_id, ended_at, position, replay_id) ON webhook_resends TO pumpwatch_alerts;
GRANT UPDATE (ended_at, error) ON webhook_resends TO pumpwatch_alerts;
GRANT DELETE ON worker_heartbeats TO pumpwatch_alerts;
GRANT INSERT (at, beaten_at, service, worker_id) ON worker_heartbeats TO pumpwatch_alerts;
GRANT SELECT (at, beaten_at, beating_since, service, worker_id) ON worker_heartbeats TO pumpwatch_alerts;
GRANT UPDATE (at, beaten_at, beating_since) ON worker_heartbeats TO pumpwatch_alerts;
GRANT DELETE ON worker_states TO pumpwatch_alerts;
GRANT INSERT (at, public_url, warnings, worker_id) ON worker_states TO pumpwatch_alerts;
GRANT SELECT (at, public_url, warnings, worker_id) ON worker_states TO pumpwatch_alerts;
GRANT UPDATE (at, public_url, warnings) ON worker_states TO pumpwatch_alerts;
GRANT EXECUTE ON FUNCTION append_to_audit(text[],uuid[],text[],text[],text[],text[],text[],text[],timestamp with time zone,text[]) TO pumpwatch_alerts;
GRANT EXECUTE ON FUNCTION enrol_drill() TO pumpwatch_alerts;
GRANT EXECUTE ON FUNCTION judged_at(timestamp with time zone,timestamp with time zone) TO pumpwatch_alerts;
GRANT EXECUTE ON FUNCTION priority_rank(text) TO pumpwatch_alerts;

-- login: pumpwatch_web
GRANT SELECT ON clinics_with_pumps TO pumpwatch_web;
GRANT SELECT ON unreached_alerts TO pumpwatch_web;
GRANT SELECT ON watch_status TO pumpwatch_web;
GRANT SELECT (actor, alert_id, at, clinic_seq, detail, from_state, kind, priority, reason, to_state) ON
    web.alert_transitions TO pumpwatch_web;
GRANT SELECT (acceptance, accepted_at, accepted_by, accepted_by_id, accepted_per_day, accepted_since,
    acknowledged_at, acknowledged_by, acknowledged_by_id, acknowledgement_expires_at, alert_id, calm_since, cleared_at,
    clinic_id, closed_at, evidence, explanation, implantation_id, key, opened_at, policy_version, priority, pump_id,
    resolution, resolved_at, resolved_by, resolved_by_id, rule, said, since, state, title, updated_at) ON web.alerts TO
    pumpwatch_web;
GRANT UPDATE (acceptance, accepted_at, accepted_by, accepted_by_id, accepted_per_day, accepted_since,
    acknowledged_at, acknowledged_by, acknowledged_by_id, acknowledgement_expires_at, closed_at, resolution,
    resolved_at, resolved_by, resolved_by_id, state, updated_at) ON web.alerts TO pumpwatch_web;
GRANT SELECT (clinic_id, digest, expires_at, key_id, last_used_at, name, revoked_at, scopes) ON web.api_keys TO
    pumpwatch_web;
GRANT UPDATE (last_used_at) ON web.api_keys TO pumpwatch_web;
GRANT SELECT (device_id, dose_mcg, event_id, observed_at, outcome, pump_id, received_at) ON web.bolus_requests TO
    pumpwatch_web;
GRANT SELECT (alert_id, event_id, settled_at) ON web.bypassed_pages TO pumpwatch_web;
GRANT SELECT (device_id, entered_at, not_after, revoked_at) ON web.certificates TO pumpwatch_web;
GRANT INSERT (about, asked_at, channel_id, due_at, episode, purpose) ON web.channel_messages TO pumpwatch_web;
GRANT SELECT (answered_at, asked_at, channel_id, due_at, ended_at, message_id, purpose) ON web.channel_messages TO
    pumpwatch_web;
GRANT SELECT (failing_since, kind, name, person_id, position, verified_at) ON web.channel_states TO pumpwatch_web;
GRANT SELECT (changed_at, clinic_id, file, host, policy, version) ON web.clinic_policies TO pumpwatch_web;
GRANT SELECT (clinic_id) ON web.clinics TO pumpwatch_web;
GRANT SELECT (alert_id, attempts, bypassed, channel, clinic_id, contact, created_at, delivery_id, due_at, episode,
    follow_up, group_id, held_by, held_silence, kind, last_error, priority, receipt_said, receipt_said_at, repeats,
    sent_at, state, step) ON web.deliveries TO pumpwatch_web;
GRANT UPDATE (due_at, held_by, held_silence, state) ON web.deliveries TO pumpwatch_web;
GRANT SELECT (clock_offset_seconds, device_id, last_seen_at, paused_at, pump_id, refused_at, refused_offset_seconds,
    resumed_at) ON web.device_contacts TO pumpwatch_web;
GRANT SELECT (battery_percent, device_id, event_id, observed_at, pump_id, received_at) ON web.device_statuses TO
    pumpwatch_web;
GRANT SELECT (clinic_id, device_id, enrolled_at, kind, retired_at) ON web.devices TO pumpwatch_web;
GRANT INSERT (pump_ids) ON web.evaluation_queue TO pumpwatch_web;
GRANT INSERT (accepted_at, accepted_by, accepted_name, begins, clinic_id, person_id, rota_id) ON web.hand_overs TO
    pumpwatch_web;
GRANT SELECT (accepted_at, accepted_name, begins, rota_id) ON web.hand_overs TO pumpwatch_web;
GRANT SELECT (began_at, implantation_id, implanted, patient_ref, pump_id) ON web.implantations TO pumpwatch_web;
GRANT INSERT (about, delivery_id, given_at, person_id, purpose, taken_at) ON web.link_answers TO pumpwatch_web;
GRANT SELECT (about, alert_id, delivery_id, given_at, outcome, person_id, purpose, settled_at) ON web.link_answers
    TO pumpwatch_web;
GRANT UPDATE (alert_id, outcome, settled_at) ON web.link_answers TO pumpwatch_web;
GRANT SELECT (by_provider, channels, disabled_at, failing, governed, has_password, name, person_id, rang_at, roles,
    seen_at, set_up_until, sign_in) ON web.managed_persons TO pumpwatch_web;
GRANT INSERT (digest, nonce_digest, provider_session) ON web.oidc_sessions TO pumpwatch_web;
GRANT SELECT (digest) ON web.oidc_sessions TO pumpwatch_web;
GRANT SELECT (ended_at, handheld_id, pump_id) ON web.pairings TO pumpwatch_web;
GRANT SELECT (complaint, event_id, observed_at, pump_id, received_at, score, seq) ON web.patient_reports TO
    pumpwatch_web;
GRANT DELETE ON web.person_channels TO pumpwatch_web;
GRANT INSERT (made_at, name, person_id, position, rings, shown, url) ON web.person_channels TO pumpwatch_web;
GRANT SELECT (channel_id, code_digest, code_tries, code_until, failing_since, last_error, last_sent_at, name,
    person_id, position, proven_at, rings, shown, verified_at) ON web.person_channels TO pumpwatch_web;
GRANT UPDATE (code_digest, code_tries, code_until, position, verified_at) ON web.person_channels TO pumpwatch_web;
GRANT INSERT (drill_at, drill_weekday, person_id, quiet_begins, quiet_ends, timezone) ON web.person_hours TO
    pumpwatch_web;
GRANT SELECT (drill_at, drill_weekday, person_id, quiet_begins, quiet_ends, timezone) ON web.person_hours TO
    pumpwatch_web;
GRANT UPDATE (drill_at, drill_weekday, quiet_begins, quiet_ends, timezone) ON web.person_hours TO pumpwatch_web;
GRANT DELETE ON web.person_roles TO pumpwatch_web;
GRANT INSERT (clinic_id, given_at, given_by, person_id, role) ON web.person_roles TO pumpwatch_web;
GRANT SELECT (clinic_id, given_at, given_by, person_id, role) ON web.person_roles TO pumpwatch_web;
GRANT UPDATE (given_at, given_by, role) ON web.person_roles TO pumpwatch_web;
GRANT INSERT (is_operator, made_at, made_by, name, oidc_issuer, oidc_subject, set_up_digest, set_up_until, sign_in)
    ON web.persons TO pumpwatch_web;
GRANT SELECT (disabled_at, is_operator, name, oidc_issuer, oidc_subject, password_hash, person_id, set_up_digest,
    set_up_until, sign_in) ON web.persons TO pumpwatch_web;
GRANT UPDATE (disabled_at, disabled_by, password_hash, set_up_digest, set_up_until) ON web.persons TO pumpwatch_web;
GRANT INSERT (alert_id, clinic_id, due_at, made_at, made_by, made_name, promise_id, words) ON web.promises TO
    pumpwatch_web;
GRANT SELECT (alert_id, clinic_id, due_at, kept_at, made_at, made_name, promise_id, words) ON web.promises TO
    pumpwatch_web;
GRANT UPDATE (kept_at, kept_by, kept_name) ON web.promises TO pumpwatch_web;
GRANT SELECT (code, detail, device_id, event_id, observed_at, pump_id, received_at, seq, state) ON web.pump_alarms
    TO pumpwatch_web;
GRANT INSERT (evaluated_at, pump_id) ON web.pump_evaluations TO pumpwatch_web;
GRANT SELECT (come_by, evaluated_at, failures, pump_id) ON web.pump_evaluations TO pumpwatch_web;
GRANT UPDATE (evaluated_at) ON web.pump_evaluations TO pumpwatch_web;
GRANT INSERT (begins_at, clinic_id, entry_id, follows, has_hour, implantation_id, kind, pump_id, said_at, said_by,
    said_name, visit_on) ON web.refill_visits TO pumpwatch_web;
GRANT SELECT (begins_at, clinic_id, entry_id, follows, has_hour, implantation_id, kind, pump_id, said_at, said_name,
    visit_on) ON web.refill_visits TO pumpwatch_web;
GRANT SELECT (device_id, event_id, expected_ml, filled_ml, measured_ml, observed_at, pump_id, received_at, replaces,
    seq) ON web.refills TO pumpwatch_web;
GRANT SELECT (clock_offset_seconds, code, device_id, event_id, pump_id, received_at, seq, state) ON
    web.refused_alarms TO pumpwatch_web;
GRANT SELECT (basis, device_id, event_id, observed_at, pump_id, received_at, seq, volume_ml) ON
    web.reservoir_readings TO pumpwatch_web;
GRANT INSERT (begins, change_id, ends, instead_of, kind, made_at, made_by, made_name, made_with, person_id, rota_id)
    ON web.rota_changes TO pumpwatch_web;
GRANT SELECT (begins, change_id, ends, instead_of, kind, made_at, made_name, made_with, person_id, rota_id,
    withdrawn_at) ON web.rota_changes TO pumpwatch_web;
GRANT UPDATE (withdrawn_at, withdrawn_by, withdrawn_name) ON web.rota_changes TO pumpwatch_web;
GRANT INSERT (layers, made_at, made_by, made_name, rota_id, timezone, version) ON web.rota_versions TO
    pumpwatch_web;
GRANT SELECT (layers, made_at, made_by, made_name, rota_id, timezone, version) ON web.rota_versions TO
    pumpwatch_web;
GRANT INSERT (clinic_id, name) ON web.rotas TO pumpwatch_web;
GRANT SELECT (clinic_id, name, removed_at, rota_id) ON web.rotas TO pumpwatch_web;
GRANT UPDATE (removed_at, removed_by) ON web.rotas TO pumpwatch_web;
GRANT SELECT (version) ON web.schema_migrations TO pumpwatch_web;
GRANT SELECT (began_at, clinic_id, ended_at, pump_id) ON web.seen_periods TO pumpwatch_web;
GRANT INSERT (began_at, digest, expires_at, how, person_id, seen_at) ON web.sessions TO pumpwatch_web;
GRANT SELECT (digest, ended_at, expires_at, how, person_id, seen_at) ON web.sessions TO pumpwatch_web;
GRANT UPDATE (ended_at, seen_at) ON web.sessions TO pumpwatch_web;
GRANT INSERT (begins_at, clinic_id, created_at, created_by, created_by_id, ends_at, includes_high, kind, pump_id,
    reason, rule) ON web.silences TO pumpwatch_web;
GRANT SELECT (begins_at, clinic_id, created_at, created_by, ended_at, ends_at, includes_high, kind, pump_id, reason,
    rule, silence_id) ON web.silences TO pumpwatch_web;
GRANT UPDATE (ended_at, ended_by, ended_by_id) ON web.silences TO pumpwatch_web;
GRANT SELECT (bolus_dose_mcg, bolus_limit_per_24h, bolus_lockout_minutes, device_id, drugs, event_id,
    low_reservoir_ml, observed_at, profile, pump_id, received_at, refill_due, replaces, reservoir_size_ml, seq) ON
    web.therapies TO pumpwatch_web;
GRANT SELECT (clinic_id, clinic_seq) ON web.trail_ends TO pumpwatch_web;
GRANT SELECT (done_until, kind, name, overdue_since) ON web.upkeep TO pumpwatch_web;
GRANT SELECT (at, service, worker_id) ON web.worker_heartbeats TO pumpwatch_web;
GRANT SELECT (warnings, worker_id) ON web.worker_states TO pumpwatch_web;
GRANT USAGE ON SCHEMA web TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION append_to_access_log(timestamp with time zone,text,text,uuid,text,text,text) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION drill_asked(bytea,timestamp with time zone) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION fhir_id(text) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION hear_drill(bytea,timestamp with time zone,timestamp with time zone) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION judged_at(timestamp with time zone,timestamp with time zone) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION priority_rank(text) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.administers(text) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.append_to_audit(text[],uuid[],text[],text[],text[],text[],text[],text[],timestamp with time zone,text[]) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.clinics() TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.governs(uuid) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.note_reads(timestamp with time zone,text,text,text[],text[]) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.note_reads_of_persons(timestamp with time zone,uuid[],text[],text[],text[]) TO pumpwatch_web;
GRANT EXECUTE ON FUNCTION web.person() TO pumpwatch_web;
