/**
 * Runs in the page: what is seen of it as XHTML, charts as pictures, and its styles.
 * @param {number} height
 */
export function pictureOf(height) {
  const shown = /** @type {HTMLElement} */ (document.body.cloneNode(true));
  const originals = [...document.body.querySelectorAll('*')];
  for (const [at, clone] of [...shown.querySelectorAll('*')].entries()) {
    const original = originals[at];
    const { top, width, height: tall } = original.getBoundingClientRect();
    if (top > height || original.matches('script, dialog:not([open])')) {
      clone.remove();
    } else if (original instanceof HTMLCanvasElement) {
      const picture = document.createElement('img');
      picture.src = original.toDataURL('image/webp', 0.8);
      picture.setAttribute('style', `width:${width}px;height:${tall}px`);
      clone.replaceWith(picture);
    }
  }
  return {
    styles: [...document.styleSheets]
      .flatMap(({ cssRules }) => [...cssRules].map(({ cssText }) => cssText))
      .join('\n'),
    body: new XMLSerializer().serializeToString(shown),
  };
}
