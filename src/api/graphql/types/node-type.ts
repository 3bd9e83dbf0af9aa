import { Field, ID, InterfaceType } from 'type-graphql';
import { type Sid, type SidKind, kindOf } from '../../../domain/sid.js';

const typeNames: Record<SidKind, string> = { account: 'Account', organization: 'Organization', profile: 'Profile', webhook: 'Webhook' };

/** The name of the object's type, which its SID tells. */
function typeNameOf({ sid }: { sid: Sid }): string {
  return typeNames[kindOf(sid)!];
}

/** The same for every type with an `id`. */
export const idDescription = 'The SID. It is unique across all types; its prefix, `AC`, `OR`, `PR` or `WH`, tells the type.';

@InterfaceType('Node', {
  description: "An object that can be read again by its ID, as in Relay's specification for object identification.",
  resolveType: typeNameOf,
})
export abstract class NodeType {
  @Field(() => ID, { description: idDescription })
  id: string;
}
