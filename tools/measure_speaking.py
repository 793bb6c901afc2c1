"""Measure how long a voice takes from the start of a process to its first sound, and how fast it speaks after that.

    python tools/measure_speaking.py kathleen --threads 1

Every figure is the best of several processes, in seconds of wall clock and of CPU.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all."
NUM_PROCESSES = 5
NUM_REPEATS = 5


def measure(voice: str, threads: int) -> dict[str, float]:
    """Measure in this process, which must have imported nothing of ours yet."""
    wall, cpu = time.perf_counter(), time.process_time()
    from sonorant.synthesis import Synthesizer

    synthesizer = Synthesizer.load(voice, threads=threads)
    next(synthesizer.stream(TEXT))
    figures = {
        "cold_first_chunk_wall_s": time.perf_counter() - wall,
        "cold_first_chunk_cpu_s": time.process_time() - cpu,
    }
    wall = time.perf_counter()
    next(synthesizer.stream(TEXT))
    figures["warm_first_chunk_wall_s"] = time.perf_counter() - wall
    wall, cpu = time.perf_counter(), time.process_time()
    spoken_s = sum(synthesizer.speak(TEXT).duration_s for _ in range(NUM_REPEATS))
    figures["real_time_factor_wall"] = (time.perf_counter() - wall) / spoken_s
    figures["real_time_factor_cpu"] = (time.process_time() - cpu) / spoken_s
    figures["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", help="a built-in voice, a folder or a .voice file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--in-process", action="store_true", help="measure once, and print JSON")
    arguments = parser.parse_args()
    if arguments.in_process:
        print(json.dumps(measure(arguments.voice, arguments.threads)))
        return
    command = [sys.executable, __file__, arguments.voice, "--threads", str(arguments.threads), "--in-process"]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(NUM_PROCESSES)
    ]
    for name in runs[0]:
        print(f"{name:<24} {min(run[name] for run in runs):.3f}")


if __name__ == "__main__":
    main()
