// The content security policy takes styles with this answer's nonce only. Ant Design marks its own by ConfigProvider; some
// that it makes for measuring come without one.

export const NONCE = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content;

const create = document.createElement.bind(document) as (name: string, options?: ElementCreationOptions) => HTMLElement;
document.createElement = ((name: string, options?: ElementCreationOptions) => {
  const element = create(name, options);
  if (element instanceof HTMLStyleElement && NONCE !== undefined)
    element.nonce = NONCE;
  return element;
}) as typeof document.createElement;
