"""Pages as HL7 v2 messages (IHE ACM, PCD-04) over MLLP, for the alarm middleware of a hospital (decision 31)."""
