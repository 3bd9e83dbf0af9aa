import type { ErrorCode } from '../../src/errors.js';
import type { Login } from './graphql-client.js';
import { type RestAnswer, type RestRequest, mount, parseXml, sendRest } from './rest-client.js';
import type { AccountView, Answer, OrganizationView, ProfileTarget, Surface } from './surface.js';

type Properties = Record<string, any>;

/** What the two forms of the documented API differ in. Properties go by their names in JSON. */
interface Form {
  name: string;
  suffix: string;
  namesFields: boolean;
  account(text: string): Properties;
  accounts(text: string): Properties[];
  organization(text: string): Properties;
  organizations(text: string): Properties[];
  error(text: string): { error: ErrorCode; field?: string };
}

const json: Form = {
  name: 'REST as JSON',
  suffix: '.json',
  namesFields: true,
  account: JSON.parse,
  accounts: JSON.parse,
  organization: JSON.parse,
  organizations: JSON.parse,
  error: JSON.parse,
};

const xml: Form = {
  name: 'REST as XML',
  suffix: '',
  namesFields: false,
  account: (text) => snakeCased(parseXml(text).RestcommResponse.Account),
  accounts: (text) => (parseXml(text).RestcommResponse.Accounts.Account ?? []).map(snakeCased),
  organization: (text) => snakeCased(parseXml(text).RestcommResponse.Organization),
  organizations: (text) => (parseXml(text).RestcommResponse.Organizations.Organization ?? []).map(snakeCased),
  error: (text) => ({ error: parseXml(text).RestcommResponse.Error }),
};

function snakeCased(properties: Properties): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [key.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase(), value]),
  );
}

export const restJsonSurface = (url: string): Surface => restSurface(url, json);
export const restXmlSurface = (url: string): Surface => restSurface(url, xml);

/** The conformance cases' way to a gateway through the documented API. */
function restSurface(url: string, form: Form): Surface {
  const { suffix } = form;
  const ask = async <Value>(login: Login, request: RestRequest, read: (answer: RestAnswer) => Value): Promise<Answer<Value>> => {
    const answer = await sendRest(url, login, request);
    if (answer.status < 400) return { value: read(answer) };
    // Answers about profiles are in JSON whatever is asked for.
    const { error, field } = answer.headers.get('content-type') === 'application/json' ? json.error(answer.text) : form.error(answer.text);
    return field === undefined ? { refused: error } : { refused: error, field: inputNamed(field) };
  };
  const accountAt = (target: string): string => `/Accounts/${encodeURIComponent(target)}${suffix}`;
  const account = ({ text }: RestAnswer): AccountView => accountView(form.account(text));
  const link = (method: 'LINK' | 'UNLINK', login: Login, sid: string, target: ProfileTarget): Promise<Answer<string>> => {
    const path = 'account' in target ? `/Accounts/${target.account}` : `/Organizations/${target.organization}`;
    const headers = { link: `<${url}${mount}${path}>; rel="related"` };
    // One form sends the method itself, the other what clients send that cannot.
    const request = form === json ? { method } : { method: 'PUT', override: method };
    return ask(
      login,
      {
        method: request.method,
        path: `/Profiles/${sid}`,
        headers: { ...headers, ...('override' in request && { 'x-http-method-override': request.override! }) },
      },
      () => sid,
    );
  };
  const sendProfile = (login: Login, method: string, path: string, document: object) =>
    ask(login, { method, path, body: JSON.stringify(document), headers: { 'content-type': 'application/json' } }, ({ headers, text }) => ({
      sid: headers.get('location')?.split('/').at(-1) ?? path.split('/').at(-1)!,
      document: JSON.parse(text) as object,
    }));

  return {
    name: form.name,
    namesFields: form.namesFields,
    byForm: { setStatus: true, close: form === xml },
    read: (login, target) => ask(login, { path: accountAt(target) }, account),
    create: (login, { parent, emailAddress, password, friendlyName, status, role, organization }) =>
      ask(
        login,
        {
          method: 'POST',
          path: parent === undefined ? `/Accounts${suffix}` : accountAt(parent),
          form: present({
            EmailAddress: emailAddress,
            Password: password,
            FriendlyName: friendlyName,
            Status: status?.toUpperCase(),
            Role: role.toLowerCase(),
            OrganizationSid: organization,
          }),
        },
        account,
      ),
    update: (login, target, { friendlyName, password, role, emailAddress }) =>
      ask(
        login,
        {
          // POST with an e-mail address creates.
          method: form === json || emailAddress !== undefined ? 'PUT' : 'POST',
          path: accountAt(target),
          form: present({ FriendlyName: friendlyName, Password: password, Role: role, EmailAddress: emailAddress }),
        },
        account,
      ),
    setStatus: (login, target, status) => ask(login, { method: 'PUT', path: accountAt(target), form: { Status: status } }, account),
    // The two documented ways to close.
    close: (login, target) =>
      form === json
        ? ask(login, { method: 'DELETE', path: accountAt(target) }, account)
        : ask(login, { method: 'POST', path: accountAt(target), form: { Status: 'Closed' } }, account),
    migrate: (login, target, organization) =>
      ask(
        login,
        {
          method: 'POST',
          path: `/Accounts/migrate/${encodeURIComponent(target)}${suffix}`,
          form: present({ Organization: organization }),
        },
        account,
      ),
    list: (login) => ask(login, { path: `/Accounts${suffix}` }, ({ text }) => form.accounts(text).map(accountView)),
    listOfOrganization: (login, named) =>
      ask(
        login,
        { path: `/Accounts${suffix}?${/^OR[0-9a-f]{32}$/.test(named) ? 'OrganizationSid' : 'DomainName'}=${encodeURIComponent(named)}` },
        ({ text }) => form.accounts(text).map(accountView),
      ),
    authToken: (login, target) =>
      ask(login, { path: accountAt(target) }, ({ text }) => (form.account(text).auth_token as string | undefined) ?? null),
    readOrganization: (login, sid) =>
      ask(login, { path: `/Organizations/${sid}${suffix}` }, ({ text }) => organizationView(form.organization(text))),
    listOrganizations: (login, status) =>
      ask(login, { path: `/Organizations${suffix}${status === undefined ? '' : `?Status=${status.toUpperCase()}`}` }, ({ text }) =>
        form.organizations(text).map(organizationView),
      ),
    createOrganization: (login, domainName) =>
      ask(login, { method: 'PUT', path: `/Organizations/${encodeURIComponent(domainName)}${suffix}` }, ({ text }) =>
        organizationView(form.organization(text)),
      ),
    createProfile: (login, document) => sendProfile(login, 'POST', '/Profiles', document),
    updateProfile: (login, sid, document) => sendProfile(login, 'PUT', `/Profiles/${sid}`, document),
    readProfile: (login, sid) => ask(login, { path: `/Profiles/${sid}` }, ({ text }) => ({ sid, document: JSON.parse(text) as object })),
    deleteProfile: (login, sid) => ask(login, { method: 'DELETE', path: `/Profiles/${sid}` }, () => sid),
    linkProfile: (login, sid, target) => link('LINK', login, sid, target),
    unlinkProfile: (login, sid, target) => link('UNLINK', login, sid, target),
    listProfiles: (login) => ask(login, { path: '/Profiles' }, ({ text }) => (JSON.parse(text) as { sid: string }[]).map(({ sid }) => sid)),
    effectiveProfile: (login, target) =>
      ask(
        login,
        { path: 'account' in target ? accountAt(target.account) : `/Organizations/${target.organization}${suffix}` },
        linkedProfile,
      ),
  };
}

/** The SID of the profile that the `Link` header names. */
function linkedProfile({ headers }: RestAnswer): string {
  const [, sid] = /^<[^>]+\/Profiles\/(PR[0-9a-f]{32})>; rel="related"; title="Profiles"$/.exec(headers.get('link') ?? '') ?? [];
  if (sid === undefined) throw new Error(`no profile in the Link header: ${headers.get('link')}`);
  return sid;
}

function accountView({ sid, email_address, friendly_name, type, status, role, organization }: Properties): AccountView {
  return { sid, emailAddress: email_address, friendlyName: friendly_name, type, status, role, organizationSid: organization };
}

function organizationView({ sid, domain_name, status }: Properties): OrganizationView {
  return { sid, domainName: domain_name, status };
}

/** The input that the cases mean by a documented name. */
function inputNamed(field: string): string {
  return field === 'OrganizationSid' ? 'organization' : field[0]!.toLowerCase() + field.slice(1);
}

/** The object without its undefined properties. */
function present(properties: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
