"""Which rights each job has in the database: made from the statements that it runs, and from nothing else."""
