/** Signs in: the token travels in a header, never in an address, and comes back as a cookie that no script can read. */
import { byId } from './dom.js';

const base = document.body.dataset['base'] ?? '';
const token = /** @type {HTMLInputElement} */ (byId('token'));
const outcome = byId('outcome');

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  outcome.textContent = '';
  void signIn();
});

async function signIn() {
  try {
    const { ok, status } = await fetch(`${base}/sign-in`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.value.trim()}` },
    });
    if (ok) {
      location.reload();
      return;
    }
    outcome.textContent =
      status === 403 ? 'That is not the token.' : `The service answered ${status}.`;
  } catch {
    outcome.textContent =
      'The service does not answer, or the token has letters that no token has.';
  }
  token.select();
}
