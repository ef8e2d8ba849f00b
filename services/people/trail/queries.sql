-- What persons did and read. Rows come in by functions of the owner's alone (schemas/sql/0047_persons_act.sql).

-- name: append
-- $4 whom it is about, $5 in which clinic, $6 and of which pump (null: none of these).
SELECT append_to_access_log($1, $2, $3, $4, $5, $6, $7);

-- name: note_reads
-- Of the pumps $5 in the clinics $4, by the actor $2 whose name is $3; one row an hour.
SELECT note_reads($1, $2, $3, $4, $5);

-- name: note_reads_of_persons
-- The persons $2 with the names $3 read of the pumps $5 in the clinics $4, each at the same place.
SELECT web.note_reads_of_persons($1, $2, $3, $4, $5);
