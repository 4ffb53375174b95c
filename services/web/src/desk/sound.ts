// Two short notes made by the browser, so that there is no file to fetch while a customer waits.

let context: AudioContext | null = null;

export function beep(): void {
  try {
    context ??= new AudioContext();
    const start = context.currentTime;
    for (const [nth, pitch] of [660, 880].entries()) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = pitch;
      const at = start + nth * 0.16;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
      volume.gain.linearRampToValueAtTime(0, at + 0.14);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.15);
    }
  } catch {
    // No sound device, or not allowed before the first click: the offer is also seen and spoken.
  }
}
