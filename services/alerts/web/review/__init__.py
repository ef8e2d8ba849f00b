"""The therapy review sheet: one page of one patient, for a visit."""
