// What tells credentials apart: hex, made from credential and address, never the credential itself.

const CREDENTIAL_ID = /^[0-9a-f]{8,128}$/;

/** @throws RangeError when it is not such an id: then it might be the credential */
export function credentialId(text: string): string {
  if (!CREDENTIAL_ID.test(text)) throw new RangeError('not the id of a credential');
  return text;
}
