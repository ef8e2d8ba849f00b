"""Run the benchmark."""

from bench.faults.run import main

if __name__ == "__main__":
    main()
