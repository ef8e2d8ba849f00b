"""Run the benchmark."""

from bench.detection.run import main

if __name__ == "__main__":
    main()
