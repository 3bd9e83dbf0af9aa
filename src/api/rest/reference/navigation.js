/**
 * Fills the navigation with the operations of the description, by tag, and lets its field search them: for words of the path, the method,
 * the summary, the description.
 *
 * @param ui Swagger UI, which has read the description
 */
export function showNavigation(ui) {
  const navigation = document.getElementById('navigation');
  const list = document.getElementById('operations');
  const search = document.getElementById('search');
  const entries = operationsOf(ui.specSelectors.specJson().toJS()).map((operation) => ({ ...operation, link: linkTo(operation) }));
  for (const { name } of ui.specSelectors.tags().toJS()) {
    list.append(
      sectionOf(
        name,
        entries.filter(({ tag }) => tag === name),
      ),
    );
  }

  search.addEventListener('input', () => {
    const words = search.value.toLowerCase().split(/\s+/);
    for (const { link, text } of entries) link.parentElement.hidden = !words.every((word) => text.includes(word));
    for (const section of list.children) section.hidden = !section.querySelector('li:not([hidden])');
    const found = list.querySelectorAll('li:not([hidden])').length;
    document.getElementById('found').textContent = search.value ? `${found} of ${entries.length} operations` : '';
  });
  search.form.addEventListener('submit', (event) => {
    event.preventDefault();
    list.querySelector('li:not([hidden]) a')?.click();
  });
  addEventListener('keydown', (event) => {
    const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key !== '/' || isTyping) return;
    event.preventDefault();
    navigation.open = true;
    search.focus();
  });

  // It stands beside the operations; on a narrow screen above them, where it is closed until it is asked for.
  const wide = matchMedia('(min-width: 901px)');
  const adapt = () => {
    navigation.open = wide.matches;
  };
  wide.addEventListener('change', adapt);
  adapt();

  const follow = () => {
    for (const { link } of entries) link.ariaCurrent = link.hash === location.hash ? 'location' : null;
    ui.layoutActions.parseDeepLinkHash(location.hash);
    // Swagger UI opens the operation where it is, which may be far below what is in sight.
    document.getElementById(`operations-${location.hash.slice(2).replace('/', '-')}`)?.scrollIntoView();
  };
  addEventListener('hashchange', follow);
  list.addEventListener('click', ({ target }) => {
    const link = target.closest('a');
    if (link === null) return;
    if (link.hash === location.hash) follow(); // otherwise nothing would happen
    adapt();
  });
}

/** The operations with the text that is searched, in the order of the description. */
function operationsOf({ paths }) {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, { tags, operationId, summary, description }]) => {
      if (operationId === undefined) return []; // no method
      const text = [method, path, operationId, summary, description].join(' ').toLowerCase();
      return [{ tag: tags[0], method, path, operationId, summary, text }];
    }),
  );
}

function linkTo({ tag, operationId, method, path, summary }) {
  const link = Object.assign(document.createElement('a'), { href: `#/${tag}/${operationId}`, title: `${method.toUpperCase()} ${path}` });
  const name = Object.assign(document.createElement('span'), { className: `method ${method}`, textContent: method.toUpperCase() });
  link.append(name, ` ${summary}`);
  return link;
}

function sectionOf(tag, entries) {
  const links = document.createElement('ul');
  for (const { link } of entries) {
    const item = document.createElement('li');
    item.append(link);
    links.append(item);
  }
  const section = document.createElement('section');
  section.append(Object.assign(document.createElement('h2'), { textContent: tag }), links);
  return section;
}
