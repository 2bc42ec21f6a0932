// The address that the server prints is the start's, with a one-time code in its fragment: sign-in takes it from there.
import { addressOf } from './api/client';

if (new URLSearchParams(location.hash.slice(1)).has('code'))
  history.replaceState(null, '', addressOf('/sign-in') + location.hash);

export {};
